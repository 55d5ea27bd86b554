from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.core.files import Limits
from anyres.core.image import Image
from anyres.operations.upscale import upscale
from anyres.workflow.folder import Plan, plan_items
from anyres.workflow.journal import JOURNAL_NAME
from anyres.workflow.staging import staged_path

Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Writes a picture of 6 x 4 pixels under a name below the temporary folder."""

    def write(name: str, *, suffix: str = "") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_suffix(suffix) if suffix else path
        Image(np.full((4, 6, 3), 0.5, np.float32)).save(written)
        return written.replace(path)

    return write


def outputs(plan: Plan, folder: Path) -> list[str]:
    return [item.output.relative_to(folder).as_posix() for item in plan.items]


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({}, "photo.x2.png"),
        ({"scale": "1.7"}, "photo.x1.7.png"),
        ({"scale": "1.5x2"}, "photo.x1.5x2.png"),
        ({"width": "1200"}, "photo.1200x800.png"),
    ],
)
def test_a_result_lies_beside_its_picture_and_says_what_was_done(
    put: Put, parameters: dict[str, object], name: str
) -> None:
    photo = put("photo.png")
    plan = plan_items(upscale, [photo], parameters=parameters)
    assert [item.output for item in plan.items] == [photo.with_name(name)]
    assert plan.items[0].inputs == {"image": photo}


def test_the_format_family_is_that_of_the_content(put: Put, tmp_path: Path) -> None:
    photos = [put("a.JPG"), put("b.jpeg"), put("c.png", suffix=".jpg")]
    assert outputs(plan_items(upscale, photos, parameters={}), tmp_path) == [
        "a.x2.JPG",
        "b.x2.jpeg",
        "c.x2.jpg",
    ]


def test_a_folder_is_searched_down_and_its_shape_kept_in_the_output(put: Put, tmp_path: Path) -> None:
    for name in ("in/b.png", "in/a.png", "in/deep/er/c.jpg"):
        put(name)
    plan = plan_items(upscale, [tmp_path / "in"], parameters={}, output=str(tmp_path / "out"))
    assert outputs(plan, tmp_path) == ["out/a.x2.png", "out/b.x2.png", "out/deep/er/c.x2.jpg"]


def test_junk_is_passed_over_and_counted(put: Put, tmp_path: Path) -> None:
    put("a.png")
    for name in ("Thumbs.db", ".DS_Store", "._a.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"junk")
    plan = plan_items(upscale, [tmp_path], parameters={})
    assert outputs(plan, tmp_path) == ["a.x2.png"]
    assert plan.others == 4


def test_our_own_journal_records_and_rests_are_not_counted(put: Put, tmp_path: Path) -> None:
    put("a.png")
    rest = staged_path(tmp_path / "a.x2.png", "0123456789abcdef")
    for name in (JOURNAL_NAME, "a.png.anyres.json", rest.name, f".{rest.name}.0123.part"):
        (tmp_path / name).write_bytes(b"ours")
    assert plan_items(upscale, [tmp_path], parameters={}).others == 0


def test_a_broken_picture_is_an_item_and_not_junk(put: Put, tmp_path: Path) -> None:
    put("a.png")
    (tmp_path / "b.png").write_bytes(b"")
    plan = plan_items(upscale, [tmp_path], parameters={})
    assert [item.input_places[0].name for item in plan.items] == ["a.png", "b.png"]


def test_earlier_results_are_not_enlarged_again(put: Put, tmp_path: Path) -> None:
    for name in ("a.png", "a.x2.png", "a.x1.7.png", "a.1200x800.png", "a.x1.5x2.jpg", "b.x2.png"):
        put(name)
    plan = plan_items(upscale, [tmp_path], parameters={})
    assert outputs(plan, tmp_path) == [
        "a.x2.png",
        "b.x2.x2.png",
    ]  # b.x2 has no b beside it: it is a name like any
    assert plan.earlier_results == 4


def test_the_output_folder_inside_the_input_is_not_searched(put: Put, tmp_path: Path) -> None:
    put("a.png")
    put("out/a.x3.png")
    plan = plan_items(upscale, [tmp_path], parameters={}, output=str(tmp_path / "out"))
    assert outputs(plan, tmp_path) == ["out/a.x2.png"]


def test_a_picture_named_twice_is_one_item(put: Put, tmp_path: Path) -> None:
    photo = put("a.png")
    assert len(plan_items(upscale, [photo, tmp_path, photo], parameters={}).items) == 1


def test_an_output_with_a_suffix_names_the_result_of_a_single_picture(put: Put, tmp_path: Path) -> None:
    photo = put("a.png")
    plan = plan_items(upscale, [photo], parameters={}, output=str(tmp_path / "big.tif"))
    assert outputs(plan, tmp_path) == ["big.tif"]


def test_an_output_that_ends_like_a_folder_or_is_one_is_a_folder(put: Put, tmp_path: Path) -> None:
    photo = put("a.png")
    (tmp_path / "is.one").mkdir()
    for output in ("out", "out.d/", "is.one"):
        plan = plan_items(upscale, [photo], parameters={}, output=f"{tmp_path}/{output}")
        assert outputs(plan, tmp_path) == [f"{output.rstrip('/')}/a.x2.png"]


def test_an_output_in_a_format_that_is_not_written_is_refused(put: Put) -> None:
    with pytest.raises(InputError, match=r"big\.gif"):
        plan_items(upscale, [put("a.png")], parameters={}, output="big.gif")


def test_a_folder_without_a_picture_is_refused_and_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("junk")
    with pytest.raises(InputError, match=r"no picture to work on .* 1 other files"):
        plan_items(upscale, [tmp_path], parameters={})


def test_a_wrong_parameter_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="A scale is"):
        plan_items(upscale, [tmp_path / "missing.png"], parameters={"scale": "two"})


def test_the_output_folder_is_passed_over_however_it_is_written(put: Put, tmp_path: Path) -> None:
    put("photo.png")
    put("out/other.png")
    plan = plan_items(upscale, [tmp_path], parameters={}, output=str(tmp_path / "out" / ".." / "out"))
    assert [item.input_places[0].name for item in plan.items] == ["photo.png"]


def test_a_picture_named_in_two_ways_is_one_item(put: Put, tmp_path: Path) -> None:
    photo = put("photo.png")
    put("sub/other.png")
    plan = plan_items(upscale, [photo, tmp_path / "sub" / ".." / "photo.png"], parameters={})
    assert [item.inputs["image"] for item in plan.items] == [photo]


def test_a_file_over_the_limit_is_not_looked_at_for_its_name(put: Put) -> None:
    photo = put("photo.png")
    plan = plan_items(upscale, [photo], parameters={}, limits=Limits(max_megabytes=1e-6))
    assert plan.items[0].output.name == "photo.upscale.png"
