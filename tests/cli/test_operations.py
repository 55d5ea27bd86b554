import os
import signal
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.core.files import read_image, write_image
from anyres.core.image import Encoding, Image
from anyres.workflow import making, reading, writing
from anyres.workflow.journal import JOURNAL_NAME

pytestmark = pytest.mark.usefixtures("nearest_model")
Run = Callable[..., Any]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture of 6 x 4 pixels with a profile's place left empty and a resolution."""
    path = tmp_path / "photo.png"
    Image(np.full((4, 6, 3), 0.5, np.float32), encoding=Encoding(dpi=(300.0, 300.0))).save(path)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_photo_is_enlarged_by_two_beside_itself_and_said_so_in_one_line(run: Run, photo: Path) -> None:
    said = run("upscale", photo)
    assert said.code == 0
    assert said.out.startswith(f"{photo.with_name('photo.x2.png')}: 12x8 pixels, in ")
    assert said.out.count("\n") == 1
    assert said.err == ""  # no bar where there is no terminal
    assert names(photo.parent) == ["photo.png", "photo.x2.png"]


@pytest.mark.parametrize(
    ("options", "name", "size_hw"),
    [
        (["--scale", "2"], "photo.x2.png", (8, 12)),
        (["--scale", "2.5"], "photo.x2.5.png", (10, 15)),
        (["--scale", "1.5x2"], "photo.x1.5x2.png", (8, 9)),
        (["--width", "9"], "photo.9x6.png", (6, 9)),
        (["--height", "6"], "photo.9x6.png", (6, 9)),
        (["--longest", "9"], "photo.9x6.png", (6, 9)),
        (["--shortest", "6"], "photo.9x6.png", (6, 9)),
        (["--size", "9x9"], "photo.9x6.png", (6, 9)),
        (["--size", "9x9", "--fit", "cover"], "photo.9x9.png", (9, 9)),
        (["--size", "9x9", "--fit", "stretch"], "photo.9x9.png", (9, 9)),
    ],
)
def test_every_way_of_naming_the_target(
    run: Run, photo: Path, options: list[str], name: str, size_hw: tuple[int, int]
) -> None:
    assert run("upscale", photo, *options).code == 0
    assert read_image(photo.with_name(name)).size_hw == size_hw


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scale", "0"], "above 0 and at most 100"),
        (["--scale", "-1"], "above 0 and at most 100"),
        (["--scale", "NaN"], "above 0 and at most 100"),
        (["--scale", "1e9"], "above 0 and at most 100"),
        (["--scale", "two"], "'two' was given"),
        (["--width", "many"], "width should be a valid integer"),
        (["--size", "9"], "WIDTHxHEIGHT"),
        (["--fit", "squeeze"], "'inside', 'cover' or 'stretch'; 'squeeze' was given"),
        (["--precision", "float16"], "'auto', 'float32' or 'bfloat16'; 'float16' was given"),
        (["--model", "liif-huge"], "no weights called 'liif-huge'; there are: liif-compact"),
        (["--width", "9", "--height", "9"], "Width and height together are size"),
        (["--max-megapixels", "-1"], "--max-megapixels"),
        (["--sharpness", "9"], "--sharpness"),
    ],
)
def test_a_wrong_option_is_bad_input_and_writes_nothing(
    run: Run, photo: Path, options: list[str], message: str
) -> None:
    said = run("upscale", photo, *options)
    assert said.code == 2
    assert message in said.err
    assert names(photo.parent) == ["photo.png"]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"not a picture at all", "is not a picture"), (None, "There is no file")],
)
def test_a_bad_picture_is_bad_input_with_one_clear_sentence(
    run: Run, tmp_path: Path, content: bytes | None, message: str
) -> None:
    bad = tmp_path / "bad.png"
    if content is not None:
        bad.write_bytes(content)
    said = run("upscale", bad)
    assert said.code == 2
    assert message in said.err
    assert "Traceback" not in said.err


def test_a_truncated_picture_is_bad_input(run: Run, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).random((40, 60, 3), np.float32)
    bad = tmp_path / "bad.png"
    Image(noise).save(bad)
    bad.write_bytes(bad.read_bytes()[:-3000])
    assert run("upscale", bad).code == 2
    assert names(tmp_path) == ["bad.png"]


def test_an_output_that_exists_asks_for_overwrite(run: Run, photo: Path) -> None:
    result = photo.with_name("photo.x2.png")
    result.write_bytes(b"precious")
    said = run("upscale", photo)
    assert said.code == 2
    assert "--overwrite" in said.err
    assert result.read_bytes() == b"precious"
    assert run("upscale", photo, "--overwrite").code == 0
    assert read_image(result).size_hw == (8, 12)


def test_strip_leaves_the_metadata_out(run: Run, photo: Path, tmp_path: Path) -> None:
    assert run("upscale", photo, "-o", tmp_path / "kept.png").code == 0
    assert run("upscale", photo, "-o", tmp_path / "stripped.png", "--strip").code == 0
    assert read_image(tmp_path / "kept.png").encoding.dpi == pytest.approx((300, 300), rel=1e-3)
    assert read_image(tmp_path / "stripped.png").encoding.dpi is None


def test_limits_on_pixels_and_bytes_refuse_with_three_and_can_be_raised(run: Run, photo: Path) -> None:
    for option, little in (("--max-megapixels", 1e-6), ("--max-megabytes", 1e-6)):
        said = run("upscale", photo, option, little)
        assert said.code == 3
        assert option in said.err
    assert run("upscale", photo, "--max-megapixels", 1e-3, "--max-megabytes", 1e-3).code == 0


def test_a_target_too_large_for_the_disk_is_refused_with_three_and_the_largest_that_fits(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "free_disk_bytes", lambda folder: 6 * 96 - 1)
    said = run("upscale", photo)
    assert said.code == 3
    assert "The largest scale that fits is 1.91 (11x8)" in said.err
    assert names(photo.parent) == ["photo.png"]


def test_an_output_folder_that_cannot_be_written_is_bad_input(run: Run, photo: Path) -> None:
    (photo.parent / "file").write_text("in the way")
    said = run("upscale", photo, "-o", f"{photo.parent}/file/below/")
    assert said.code == 2
    assert "Cannot write into the folder" in said.err


def test_two_inputs_with_one_output_are_refused(run: Run, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "photo.png").write_bytes(photo.read_bytes())
    said = run("upscale", photo, tmp_path / "other" / "photo.png", "-o", tmp_path / "out")
    assert said.code == 2
    assert "would both become" in said.err


def test_a_folder_goes_through_the_batch_and_the_bad_are_listed(
    run: Run, photo: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.png", "deep/b.png"):
        (folder / name).write_bytes(photo.read_bytes())
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "Thumbs.db").write_bytes(b"junk")
    said = run("upscale", folder, "-o", tmp_path / "out")
    assert said.code == 1
    assert said.out.startswith("2 pictures done, 0.0 megapixels in ")
    assert said.out.endswith("1 picture not done. Passed over as no pictures: 1.\n")
    assert f"{folder / 'broken.png'}: not done. " in said.err
    assert names(tmp_path / "out") == [JOURNAL_NAME, "a.x2.png", f"deep/{JOURNAL_NAME}", "deep/b.x2.png"]


def test_a_second_run_over_a_folder_does_nothing_twice_and_enlarges_no_result(run: Run, photo: Path) -> None:
    assert run("upscale", photo.parent).code == 0
    said = run("upscale", photo.parent)
    assert said.code == 0
    assert said.out == "1 picture already done. Passed over as earlier results: 1.\n"


def test_a_notice_about_a_picture_is_said(run: Run, tmp_path: Path) -> None:
    deep = tmp_path / "deep.png"
    Image(np.full((4, 6, 3), 0.5, np.float32), encoding=Encoding(depth=16)).save(deep)
    said = run("upscale", deep, "-o", tmp_path / "flat.jpg")
    assert said.code == 0
    assert said.err == f"{deep}: JPEG holds 8 bits a channel; the picture had 16.\n"


def test_an_interrupt_says_how_far_it_came_and_how_to_go_on(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = photo.with_name("zebra.png")
    other.write_bytes(photo.read_bytes())

    def interrupted(path: Path, **options: Any) -> Image:
        if path == other:
            raise KeyboardInterrupt
        return read_image(path, **options)

    monkeypatch.setattr(reading, "read_image", interrupted)
    said = run("upscale", photo.parent)
    assert said.code == 130
    assert "Stopped with 1 of 2 done; nothing is half-written. Run the same command again" in said.err
    assert names(photo.parent) == [JOURNAL_NAME, "photo.png", "photo.x2.png", "zebra.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM")
def test_a_stop_tells_the_failures_so_far_and_sigterm_cleans_up_as_ctrl_c_does(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo.with_name("broken.png").write_bytes(b"no picture")
    photo.with_name("zebra.png").write_bytes(photo.read_bytes())

    def terminated(picture: Any, path: Path, **options: Any) -> Any:
        notices = write_image(picture, path, **options)
        if names(photo.parent).count("photo.x2.png"):
            os.kill(os.getpid(), signal.SIGTERM)
        return notices

    monkeypatch.setattr(writing, "write_image", terminated)
    outside = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        said = run("upscale", photo.parent)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, outside)
    assert said.code == 143
    assert f"{photo.with_name('broken.png')}: not done. " in said.err
    assert "Stopped with 1 of 3 done and 1 failed; nothing is half-written." in said.err
    assert names(photo.parent) == [JOURNAL_NAME, "broken.png", "photo.png", "photo.x2.png", "zebra.png"]


def test_a_header_of_sixty_thousand_pixels_a_side_is_refused_with_three(run: Run, photo: Path) -> None:
    content = bytearray(photo.read_bytes())
    content[16:24] = struct.pack(">II", 60_000, 60_000)  # width and height of the first chunk, IHDR
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    photo.write_bytes(content)
    said = run("upscale", photo)
    assert said.code == 3
    assert "3600.0 megapixels" in said.err


def test_help_says_every_default_and_meaning(run: Run) -> None:
    said = run("upscale", "--help")
    assert said.code == 0
    for text in ("Default: liif-compact.", "Default: inside.", "inside|cover|stretch", "Beside the pictures"):
        assert text in said.out
