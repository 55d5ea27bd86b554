import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from anyres.core.errors import InputError
from anyres.core.pixels import luma, psnr, psnr_luma, ssim
from anyres.core.resample import resize
from anyres.core.weights import file_sha256, write_weights
from anyres.models.catalog import CATALOG, NamedWeights
from anyres.models.liif import evaluation
from anyres.models.liif.evaluation import (
    Evaluation,
    Measured,
    compare,
    evaluate,
    find_sets,
    measure,
    parse_scales,
    shrunk_pair,
)
from anyres.models.liif.inference import Upscaler
from tests.models.liif.networks import small_network


def smooth(height: int, width: int, *, seed: int = 0) -> np.ndarray:
    """A picture of 8 bits with some detail."""
    coarse = np.random.default_rng(seed).random((5, 5, 3), np.float32)
    return np.asarray(np.clip(resize(coarse, (height, width)), 0, 1) * 255, np.uint8)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of random weights called `small`, the only ones there are."""
    network = small_network(skip="bilinear")
    path = tmp_path / "small.safetensors"
    write_weights(path, network.state_dict(), model="liif", config=network.config, record={})
    monkeypatch.setattr(evaluation, "find_weights", lambda name: NamedWeights(name, CATALOG[0], path))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with a set5 of two pictures, and other things."""
    folder = tmp_path / "data"
    for name in ("Set5", "b100", "cats"):
        (folder / name).mkdir(parents=True)
    for number in range(2):
        PIL.Image.fromarray(smooth(40, 37, seed=number)).save(folder / "Set5" / f"{number}.png")
    PIL.Image.fromarray(smooth(40, 36)).save(folder / "cats" / "cat.png")
    (folder / "b100" / "readme.txt").write_text("no picture")
    return folder


class TestFindingSets:
    def test_the_sets_of_the_protocol_that_hold_pictures_are_found_by_their_small_names(
        self, data: Path
    ) -> None:
        assert find_sets(data, protocol="benchmark") == {
            "set5": [data / "Set5" / "0.png", data / "Set5" / "1.png"]
        }

    def test_a_folder_without_a_known_set_is_one_itself(self, data: Path) -> None:
        assert find_sets(data / "cats", protocol="benchmark") == {"cats": [data / "cats" / "cat.png"]}

    def test_where_truths_are_marked_the_shrunk_pictures_beside_them_are_left_out(self, data: Path) -> None:
        for name in ("baby_GT.bmp", "baby_LRBI_x2.bmp"):
            (data / "Set5" / name).touch()
        assert find_sets(data, protocol="benchmark") == {"set5": [data / "Set5" / "baby_GT.bmp"]}

    @pytest.mark.parametrize("name", ["b100", "gone"])
    def test_a_folder_without_pictures_is_refused(self, data: Path, name: str) -> None:
        with pytest.raises(InputError, match=rf"{name} holds no test pictures .*set5.* Name the folder"):
            find_sets(data / name, protocol="benchmark")


@pytest.mark.parametrize(
    ("size_hw", "scale", "small_hw", "truth_hw"),
    [
        ((40, 37), 2.0, (20, 18), (40, 36)),
        ((40, 37), 3.0, (13, 12), (39, 36)),
        ((20, 31), 2.5, (8, 12), (20, 30)),
        ((33, 66), 3.3, (10, 20), (33, 66)),
    ],
)
def test_the_truth_is_cut_so_that_the_factor_gives_whole_pixels(
    size_hw: tuple[int, int], scale: float, small_hw: tuple[int, int], truth_hw: tuple[int, int]
) -> None:
    picture = smooth(*size_hw)
    small, truth = shrunk_pair(picture, scale)
    assert small.shape[:2] == small_hw
    assert truth.shape[:2] == truth_hw
    np.testing.assert_allclose(truth * 255, picture[: truth_hw[0], : truth_hw[1]], atol=1e-4)


def test_the_small_picture_is_the_truth_shrunk_by_cubic_convolution_to_8_bits() -> None:
    small, truth = shrunk_pair(smooth(24, 24), 2.0)
    assert np.abs(small - np.clip(resize(truth, (12, 12)), 0, 1)).max() <= 0.501 / 255
    np.testing.assert_allclose(small * 255, np.rint(small * 255), atol=1e-4)


def test_a_picture_is_compared_by_luma_or_rgb_inside_the_protocols_border() -> None:
    truth = smooth(40, 44).astype(np.float32) / 255
    made = np.clip(truth + np.random.default_rng(0).normal(0, 0.05, truth.shape).astype(np.float32), 0, 1)
    made[:3] = 0  # inside a border of 3 pixels alone
    assert compare(made, truth, 2.5, protocol="benchmark") == (
        psnr_luma(made, truth, shave=3),
        ssim(luma(made), luma(truth), shave=3),
    )
    assert compare(made, truth, 2.5, protocol="div2k")[0] == psnr(made, truth, shave=9)
    assert psnr_luma(made, truth, shave=2) < compare(made, truth, 2.5, protocol="benchmark")[0] - 1


def test_a_set_is_measured_by_bicubic_and_by_the_weights(weights: Path, data: Path) -> None:
    upscaler = Upscaler.load(weights, precision="float32", device="cpu")
    paths = find_sets(data, protocol="benchmark")["set5"]
    bicubic, ours = measure(upscaler, "set5", paths, 2.0, protocol="benchmark")
    expected = []
    for number in range(2):
        small, truth = shrunk_pair(smooth(40, 37, seed=number), 2.0)
        expected.append(psnr_luma(np.clip(resize(small, (40, 36)), 0, 1), truth, shave=2))
    assert (bicubic.method, bicubic.pictures, bicubic.count, bicubic.scale) == ("bicubic", "set5", 2, 2.0)
    assert bicubic.psnr_db == pytest.approx(float(np.mean(expected)))
    assert ours.method == "small"
    assert ours.psnr_db < bicubic.psnr_db  # its weights are random
    assert 0 < ours.ssim < 1


def test_a_table_has_a_row_for_each_method_and_the_published_figures_below() -> None:
    measured = [
        Measured("set5", 5, method, scale, 33.694 + scale, 0.93215)
        for scale in (2.0, 3.0)
        for method in ("bicubic", "small")
    ]
    lines = str(Evaluation("benchmark", "small", "abcdef0123456789", "float32", tuple(measured))).splitlines()
    assert lines[0] == "small (abcdef012345, float32): PSNR of luma in dB, SSIM of luma"
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert cells[0] == ["set5 (5 pictures)", "x2", "x3"]
    assert cells[2] == ["bicubic", "35.69 / 0.9322", "36.69 / 0.9322"]
    assert cells[3][0] == "small"
    assert ["RDN-LIIF, published", "38.17", "34.68"] in cells


def test_a_factor_that_nobody_published_has_a_dash() -> None:
    measured = tuple(Measured("set5", 5, method, 2.5, 30.0, 0.9) for method in ("bicubic", "small"))
    text = str(Evaluation("benchmark", "small", "ab", "float32", measured))
    assert text.splitlines()[-1].split("|")[2].strip() == "-"


def test_factors_are_read_from_text_in_their_order() -> None:
    assert parse_scales("4, 2.5") == (4.0, 2.5)
    assert parse_scales((2.0,)) == (2.0,)


def test_the_door_gives_figures_and_writes_them(weights: Path, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    result = evaluate(data=data, weights="small", scales=(2.0, 3.0), precision="float32", figures=file)
    assert [(one.method, one.scale) for one in result.measured] == [
        (method, scale) for scale in (2.0, 3.0) for method in ("bicubic", "small")
    ]
    assert (result.weights, result.precision, result.sha256) == ("small", "float32", file_sha256(weights))
    written = json.loads(file.read_text(encoding="utf-8"))["small benchmark"]
    assert written["figures"]["measured"][0]["psnr_db"] == result.measured[0].psnr_db
    assert {"commit", "machine", "command", "date"} <= written.keys()


@pytest.mark.slow
def test_bicubic_on_set5_has_its_published_figures(weights: Path, data_dir: Path) -> None:
    upscaler = Upscaler.load(weights, device="cpu")
    paths = find_sets(data_dir / "set5", protocol="benchmark")["set5"]
    assert len(paths) == 5
    with torch.inference_mode():
        figures = [
            measure(upscaler, "set5", paths, scale, protocol="benchmark")[0].psnr_db
            for scale in (2.0, 3.0, 4.0)
        ]
    assert figures == pytest.approx([33.69, 30.41, 28.43], abs=0.03)  # published: 33.66, 30.39, 28.42
