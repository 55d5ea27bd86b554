"""What every model must do, once, over the catalogue and the weights that ship."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anyres
from anyres.core.errors import WeightsError
from anyres.core.image import Image
from anyres.core.weights import read_header, write_weights
from anyres.models.catalog import CATALOG, Model, NamedWeights, find_weights, load_door, weights_paths

PACKAGE = Path(anyres.__file__).parent
SHIPPED = [find_weights(name) for name, path in weights_paths().items() if PACKAGE in path.parents]

every_model = pytest.mark.parametrize("model", CATALOG, ids=lambda model: model.name)
ENLARGING = [weights for weights in SHIPPED if weights.model.name == "liif"]
every_enlarging = pytest.mark.parametrize("weights", ENLARGING, ids=lambda weights: weights.name)
every_shipped = pytest.mark.parametrize("weights", SHIPPED, ids=lambda weights: weights.name)


def noise(height: int, width: int) -> Image:
    return Image(np.random.default_rng(0).random((height, width, 3), np.float32))


def opened(weights: NamedWeights, precision: str = "float32") -> Any:
    return load_door(weights.model.inference).load(weights.path, precision=precision)


@every_model
def test_every_model_ships_its_default_weights(model: Model) -> None:
    assert model.weights[0] in {weights.name for weights in SHIPPED if weights.model is model}


@every_model
def test_every_door_opens(model: Model) -> None:
    for door in (model.inference, model.recipe, model.protocol):
        assert load_door(door) is not None


@every_model
def test_every_card_says_paper_licence_weights_figures_and_limits(model: Model) -> None:
    card = (PACKAGE / "models" / model.name / "README.md").read_text(encoding="utf-8")
    for needed in (
        model.paper,
        model.code,
        model.id,
        "Licence",
        "## Weights",
        "## Measured figures",
        "## Limits",
    ):
        assert needed in card, needed
    for weights in SHIPPED:
        if weights.model is model:
            assert f"`{weights.name}`" in card


@every_shipped
def test_every_shipped_file_says_where_it_comes_from(weights: NamedWeights) -> None:
    record = read_header(weights.path).record
    assert record["licence"]
    assert record["run"]["commit"]
    assert record["validation"]
    assert weights.path.stat().st_size < 20e6  # all that ships for pictures stays under 20 MB


@every_enlarging
@pytest.mark.parametrize("size_hw", [(1, 1), (7, 5)])
@pytest.mark.parametrize("target_hw", [(1, 1), (7, 5), (16, 9), (3, 40)])
def test_any_size_goes_to_any_size_in_range(
    weights: NamedWeights, size_hw: tuple[int, int], target_hw: tuple[int, int]
) -> None:
    made = opened(weights)(noise(*size_hw), size_hw=target_hw)
    assert made.size_hw == target_hw
    assert made.pixels.min() >= 0
    assert made.pixels.max() <= 1


@every_enlarging
def test_the_same_twice_and_from_two_threads_and_the_input_unchanged(weights: NamedWeights) -> None:
    model, pictures = opened(weights), [noise(9, 8), noise(8, 9)]
    before = [picture.pixels.copy() for picture in pictures]
    alone = [model(picture, size_hw=(17, 19)).pixels for picture in pictures]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda picture: model(picture, size_hw=(17, 19)).pixels, pictures))
    for picture, copy, one, other in zip(pictures, before, alone, together, strict=True):
        np.testing.assert_array_equal(picture.pixels, copy)
        np.testing.assert_array_equal(one, other)


@every_enlarging
def test_saved_and_loaded_again_it_gives_the_same(weights: NamedWeights, tmp_path: Path) -> None:
    from anyres.core.weights import read_tensors

    header = read_header(weights.path)
    copy = tmp_path / f"{weights.name}.safetensors"
    tensors, _ = read_tensors(weights.path)
    write_weights(copy, tensors, model=header.model, config=header.config, record=header.record)
    again = load_door(weights.model.inference).load(copy, precision="float32")
    picture = noise(6, 6)
    np.testing.assert_array_equal(
        again(picture, size_hw=(11, 13)).pixels, opened(weights)(picture, size_hw=(11, 13)).pixels
    )


@every_shipped
def test_a_missing_tensor_is_refused_by_name(weights: NamedWeights, tmp_path: Path) -> None:
    from anyres.core.weights import read_tensors

    header = read_header(weights.path)
    tensors, _ = read_tensors(weights.path)
    lost = sorted(tensors)[0]
    del tensors[lost]
    write_weights(tmp_path / "x.safetensors", tensors, model=header.model, config=header.config, record={})
    with pytest.raises(WeightsError, match=lost):
        load_door(weights.model.inference).load(tmp_path / "x.safetensors")


@every_enlarging
def test_bfloat16_is_within_50_db_of_float32_on_a_photograph(weights: NamedWeights) -> None:
    from skimage.data import astronaut

    photograph = Image.from_numpy(astronaut()[100:196, 180:276])
    full, half = (
        opened(weights, precision)(photograph, size_hw=(211, 211)) for precision in ("float32", "bfloat16")
    )
    error = np.mean(np.square(full.pixels - half.pixels, dtype=np.float64))
    assert -10 * np.log10(error) >= 50
    assert error > 0  # they are two computations
