import importlib
from pathlib import Path

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.core.image import Encoding, Image
from anyres.operations.upscale import upscale


@pytest.fixture
def image() -> Image:
    pixels = np.linspace(0, 1, 4 * 6 * 3, dtype=np.float32).reshape(4, 6, 3)
    return Image(pixels, encoding=Encoding(depth=16), notices=("It was CMYK.",))


@pytest.mark.usefixtures("nearest_model")
class TestWithAModel:
    def test_nothing_named_is_a_scale_of_two(self, image: Image) -> None:
        assert upscale(image).size_hw == (8, 12)

    @pytest.mark.parametrize(("scale", "size_hw"), [(2, (8, 12)), (2.5, (10, 15)), ((2, 1.5), (8, 9))])
    def test_a_scale_is_whole_or_not_or_one_per_axis(
        self, image: Image, scale: float | tuple[float, float], size_hw: tuple[int, int]
    ) -> None:
        assert upscale(image, scale=scale).size_hw == size_hw

    def test_cover_enlarges_and_cuts_to_the_centre(self, image: Image) -> None:
        covered = upscale(image, size=(8, 8), fit="cover")
        assert covered.size_hw == (8, 8)
        whole = upscale(image, height=8)
        assert whole.size_hw == (8, 12)
        np.testing.assert_array_equal(covered.pixels, whole.pixels[:, 2:10])

    def test_an_odd_rest_is_cut_at_the_end(self, image: Image) -> None:
        covered = upscale(image, size=(8, 11), fit="cover")
        np.testing.assert_array_equal(covered.pixels, upscale(image, height=8).pixels[:, :11])

    def test_encoding_and_notices_go_through(self, image: Image) -> None:
        enlarged = upscale(image)
        assert enlarged.encoding == image.encoding
        assert enlarged.notices == image.notices

    def test_weights_replaced_under_their_name_are_loaded_anew(
        self, image: Image, nearest_model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loaded: list[Path] = []
        door = importlib.import_module("anyres.operations.upscale").load_door("")

        def counted(path: Path, *, precision: str) -> object:
            loaded.append(path)
            return door()

        monkeypatch.setattr(door, "load", counted)
        upscale(image)
        upscale(image)
        assert len(loaded) == 1
        nearest_model.write_bytes(b"other tensors")
        upscale(image)
        assert len(loaded) == 2

    def test_progress_ends_at_one(self, image: Image) -> None:
        seen: list[float] = []
        upscale(image, scale=9, progress=seen.append)
        assert seen == sorted(seen)
        assert seen[-1] == 1.0

    def test_the_size_rule_says_the_size_of_the_result(self, image: Image) -> None:
        for given in ({"scale": 1.7}, {"width": 11}, {"size": "20x30"}, {"size": "20x30", "fit": "cover"}):
            predicted_hw = upscale.output_size_hw([image.size_hw], upscale.check_parameters(given))
            assert predicted_hw == upscale(image, **given).size_hw

    def test_weights_that_are_not_there_are_refused_with_those_that_are(self, image: Image) -> None:
        with pytest.raises(InputError, match="no weights called 'liif-huge'; there are: liif-compact"):
            upscale(image, model="liif-huge")

    def test_the_weights_rule_follows_the_file(self, nearest_model: Path) -> None:
        before = upscale.weights_sha256(upscale.check_parameters({}))
        nearest_model.write_bytes(b"trained for longer")
        assert upscale.weights_sha256(upscale.check_parameters({})) != before


@pytest.mark.parametrize("scale", [0, -1, float("nan"), 1e9, "two"])
def test_a_bad_scale_is_refused(image: Image, scale: float) -> None:
    with pytest.raises(InputError, match="A scale is a number above 0"):
        upscale(image, scale=scale)


def test_two_targets_are_refused(image: Image) -> None:
    with pytest.raises(InputError, match=r"scale=2\.0 and width=7 was given"):
        upscale(image, scale=2, width=7)


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ({}, "x2"),
        ({"scale": 1.7}, "x1.7"),
        ({"scale": "1.5x2"}, "x1.5x2"),
        ({"width": 1200}, "1200x800"),
        ({"size": "1200x800"}, "1200x800"),
    ],
)
def test_a_file_name_says_the_scale_or_the_size(given: dict[str, object], label: str) -> None:
    assert upscale.label((800, 1200), upscale.check_parameters(given)) == label


def test_the_schema_tells_a_form_all_ways_of_saying_a_scale() -> None:
    properties = upscale.parameters.model_json_schema()["properties"]
    kinds = [choice["type"] for choice in properties["scale"]["anyOf"]]
    assert kinds == ["number", "string", "array", "null"]
    assert properties["width"]["anyOf"][0] == {"type": "integer", "minimum": 1, "format": "pixels"}
    assert properties["fit"]["enum"] == ["inside", "cover", "stretch"]
    assert properties["model"]["examples"] == ["liif-compact", "liif-rdn"]
    assert all(one["description"] for one in properties.values())
