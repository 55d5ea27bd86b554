from pathlib import Path

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.core.files import Limits
from anyres.core.image import Image
from anyres.operations.blend import blend
from anyres.operations.sheet import sheet
from anyres.workflow.together import plan_one_item


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("a.jpg", "b.png", "c.png")]
    for path in paths:
        Image(np.full((4, 6, 3), 0.5, np.float32)).save(path)
    return paths


def test_each_port_gets_its_picture_and_the_result_goes_beside_the_first(paths: list[Path]) -> None:
    (item,) = plan_one_item(blend, paths[:2], parameters={"left": 2}, output=None, limits=Limits()).items
    assert item.inputs == {"below": paths[0], "above": paths[1]}
    assert item.output == paths[0].with_name("a.blend.jpg")


def test_a_list_port_gets_all(paths: list[Path]) -> None:
    (item,) = plan_one_item(sheet, paths, parameters={}, output=None, limits=Limits()).items
    assert item.inputs == {"images": tuple(paths)}


@pytest.mark.parametrize(
    ("output", "place"), [("made", "made/a.blend.jpg"), ("made/one.tif", "made/one.tif")]
)
def test_an_output_is_a_folder_or_a_name(paths: list[Path], output: str, place: str) -> None:
    (item,) = plan_one_item(blend, paths[:2], parameters={}, output=output, limits=Limits()).items
    assert item.output == Path(place)


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_pictures_is_refused(paths: list[Path], count: int) -> None:
    with pytest.raises(InputError, match=rf"blend takes 2 pictures \(below, above\); {count} were given"):
        plan_one_item(blend, paths[:count], parameters={}, output=None, limits=Limits())


def test_pictures_that_do_not_go_together_are_refused_before_the_work(paths: list[Path]) -> None:
    with pytest.raises(InputError, match="lies beside the one below"):
        plan_one_item(blend, paths[:2], parameters={"left": 6}, output=None, limits=Limits())
