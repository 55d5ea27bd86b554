from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from anyres.core.errors import InputError, WeightsError
from anyres.core.weights import write_weights
from anyres.models.catalog import user_weights_dir, weights_paths
from anyres.models.retina.architecture import CnnConfig, Retina, RetinaMaps
from anyres.models.retina.engines import load_detector
from anyres.models.retina.heat import heat_target, splat
from anyres.models.retina.network_detector import NetworkDetector
from anyres.models.retina.preparing import Prepared, between_sizes, prepare
from anyres.models.retina.registration import register
from tests.models.retina.fundi import fundus


class Blobs(nn.Module):
    """Sees a keypoint at each of its places, in pixels of what it is given."""

    def __init__(self, places_yx: Tensor) -> None:
        super().__init__()
        self.places_yx = nn.Parameter(places_yx)

    def forward(self, pixels: Tensor) -> RetinaMaps:
        height, width = pixels.shape[-2:]
        heat = heat_target(splat(self.places_yx, (height, width))[None, None])
        return RetinaMaps(heat, torch.ones(1, 4, -(-height // 8), -(-width // 8)))


def flat(size_hw: tuple[int, int], original_hw: tuple[int, int]) -> Prepared:
    return Prepared(np.full(size_hw, 128, np.uint8), np.ones(size_hw, bool), original_hw)


@pytest.mark.parametrize(("size_hw", "original_hw"), [((200, 400), (800, 1600)), ((400, 300), (400, 300))])
def test_places_are_in_pixels_of_the_original(size_hw: tuple[int, int], original_hw: tuple[int, int]) -> None:
    places = torch.tensor([[40.0, 50.0], [60.5, 90.25], [90.0, 30.0]])
    detector = NetworkDetector(Blobs(places), side=200)
    found = detector(flat(size_hw, original_hw))
    long = max(original_hw)
    network_hw = (round(original_hw[0] * 200 / long), round(original_hw[1] * 200 / long))
    matrix = between_sizes(network_hw, original_hw)
    expected = places.flip(1).double().numpy() @ matrix[:2, :2].T + matrix[:2, 2]
    assert len(found) == 3
    for place in expected:
        assert np.linalg.norm(found.positions - place, axis=1).min() < 0.3 * long / 200
    assert found.scores.min() > 0.8


def test_places_on_the_rim_are_left_out_and_the_best_are_kept() -> None:
    places = torch.tensor([[1.0, 100.0], [50.0, 60.0], [80.0, 120.0]])
    assert len(NetworkDetector(Blobs(places), side=200)(flat((200, 200), (200, 200)))) == 2
    assert len(NetworkDetector(Blobs(places), side=200, count=1)(flat((200, 200), (200, 200)))) == 1


class Pixels(nn.Module):
    """Sees keypoints where the picture is darkest, and describes each by the 64 pixels of its cell."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, pixels: Tensor) -> RetinaMaps:
        cells = functional.pixel_unshuffle(pixels, 8)
        return RetinaMaps(1 - pixels * self.scale, cells - cells.mean(1, keepdim=True))


def test_an_eye_is_registered_with_itself() -> None:
    seen = prepare(fundus())
    found = register(seen, seen, NetworkDetector(Pixels().eval(), side=384))
    assert found.status == "ok"
    assert found.transform is not None
    assert np.allclose(found.transform.apply(np.array([[100.0, 120.0]])), [[100.0, 120.0]], atol=0.1)


def saved(path: Path, **record: object) -> Path:
    torch.manual_seed(0)
    config = CnnConfig((4, 4, 8, 8), descriptor=8)
    write_weights(path, Retina(config).state_dict(), model="retina", config=config, record=record)
    return path


def test_weights_become_an_engine_by_their_name() -> None:
    folder = user_weights_dir()
    folder.mkdir(parents=True)
    saved(folder / "mine.safetensors", side=256)
    detector = load_detector("mine")
    assert isinstance(detector, NetworkDetector)
    assert (detector.name, detector.side) == ("mine", 256)
    assert detector(flat((128, 128), (500, 500))).descriptors.shape[1] == 8
    with pytest.raises(InputError, match=r"there are: rootsift, sift, orb, .*mine"):
        load_detector("yours")


@pytest.mark.parametrize("side", [0, 10**6, "large", 3.5])
def test_weights_that_say_nonsense_of_their_side_are_refused(tmp_path: Path, side: object) -> None:
    with pytest.raises(WeightsError, match="pixels a side"):
        NetworkDetector.load(saved(tmp_path / "w.safetensors", side=side))


def test_weights_of_another_model_are_refused() -> None:
    with pytest.raises(WeightsError, match="weights of liif"):
        NetworkDetector.load(weights_paths()["liif-compact"])
