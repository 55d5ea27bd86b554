"""A hundred files, some of them bad: the good are done, the rest listed, and a kill costs no item twice."""

import json
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import textwrap
import zlib
from collections import Counter
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from anyres.core.files import read_image
from anyres.core.image import Encoding, Image
from anyres.operations.resize import resize
from anyres.workflow.events import BatchFinished
from anyres.workflow.items import Item
from anyres.workflow.journal import JOURNAL_NAME
from anyres.workflow.run import run_batch

SIDE = 24  # pixels
BAD = {"003-cut.png", "027-empty.png", "051-text.png", "075-bomb.png"}
ENGINES = [
    "local",
    pytest.param(
        "ray", marks=pytest.mark.skipif(find_spec("ray") is None, reason="ray: pip install 'anyres[ray]'")
    ),
]


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 100 files: 3 corrupt, a bomb, one CMYK, one of 16 bits, one stored on its side."""
    folder = tmp_path_factory.mktemp("hundred")
    noise = np.random.default_rng(0).random((100, SIDE, SIDE, 3), np.float32)
    for index, pixels in enumerate(noise):
        Image(pixels).save(folder / f"{index:03}.png")
    cut = folder / "003.png"
    cut.rename(folder / "003-cut.png").write_bytes((folder / "003-cut.png").read_bytes()[:400])
    (folder / "027.png").rename(folder / "027-empty.png").write_bytes(b"")
    (folder / "051.png").rename(folder / "051-text.png").write_text("no picture at all")
    make_bomb((folder / "075.png").rename(folder / "075-bomb.png"))
    (folder / "010.png").unlink()
    PIL.Image.new("CMYK", (SIDE, SIDE), (10, 20, 30, 40)).save(folder / "010-cmyk.jpg")
    Image(noise[20], encoding=Encoding(depth=16)).save(folder / "020.png", overwrite=True)
    (folder / "030.png").unlink()
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # orientation: turned by a quarter
    PIL.Image.new("RGB", (SIDE, SIDE // 2), (200, 100, 50)).save(folder / "030-turned.jpg", exif=exif)
    return folder


def make_bomb(path: Path) -> None:
    """A header of 60,000 x 60,000 pixels on a small file."""
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 60_000, 60_000)  # width and height of the first chunk, IHDR
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)


def items_of(folder: Path, out: Path) -> list[Item]:
    return [
        Item({"image": path}, {"result": out / f"{path.stem}.x2.png"}, {"scale": 2})
        for path in sorted(folder.iterdir())
    ]


def journalled(out: Path) -> Counter[str]:
    """How often each result was noted; a line that the kill cut off is none."""
    lines = (out / JOURNAL_NAME).read_text(encoding="utf-8").splitlines()
    return Counter(json.loads(line)["output"] for line in lines)


@pytest.mark.slow
def test_the_good_are_done_and_the_bad_listed_with_their_reasons(hundred: Path, tmp_path: Path) -> None:
    *_, finished = run_batch(resize, items_of(hundred, tmp_path / "out"))
    assert isinstance(finished, BatchFinished)
    assert len(finished.done) == 96
    reasons = {failed.item.input_places[0].name: failed for failed in finished.failed}
    assert set(reasons) == BAD
    assert "003-cut.png" in reasons["003-cut.png"].reason
    assert "is empty" in reasons["027-empty.png"].reason
    assert "is not a picture" in reasons["051-text.png"].reason
    assert "3600.0 megapixels" in reasons["075-bomb.png"].reason
    codes = {name: failed.exit_code for name, failed in reasons.items()}
    assert codes == {"003-cut.png": 2, "027-empty.png": 2, "051-text.png": 2, "075-bomb.png": 3}
    assert read_image(tmp_path / "out" / "020.x2.png").encoding.depth == 16
    assert read_image(tmp_path / "out" / "030-turned.x2.png").size_hw == (2 * SIDE, SIDE)
    cmyk = next(done for done in finished.done if done.item.input_places[0].name == "010-cmyk.jpg")
    assert any("CMYK" in notice for notice in cmyk.notices)


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from anyres.operations.resize import resize
    from anyres.workflow.events import BatchFinished, ItemDone
    from anyres.workflow.items import Item
    from anyres.workflow.run import run_batch

    engine, folder, out, most = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    if engine == "ray":
        import ray
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    items = [
        Item({"image": path}, {"result": out / f"{path.stem}.x2.png"}, {"scale": 2})
        for path in sorted(folder.iterdir())
    ]
    done = 0
    for event in run_batch(resize, items, engine=engine):
        done += isinstance(event, ItemDone)
        if done == most:
            os.kill(os.getpid(), signal.SIGKILL)
    assert isinstance(event, BatchFinished)
    print(len(event.done), len(event.skipped), len(event.failed))
    """
)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("engine", ENGINES)
def test_after_a_kill_no_finished_item_is_made_again_and_each_has_one_result(
    hundred: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    store, out = tmp_path / "store.db", tmp_path / "out"
    monkeypatch.setenv("ANYRES_STORE", str(store))

    def run(most: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-c", KILLED, engine, str(hundred), str(out), str(most)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    killed = run(50)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    finished = {path.name: path.stat().st_mtime_ns for path in out.glob("[0-9]*.png")}
    assert len(finished) == 50
    resumed = run(-1)
    assert resumed.stdout.split() == ["46", "50", "4"], resumed.stderr
    assert {name: (out / name).stat().st_mtime_ns for name in finished} == finished
    assert sorted(path.name for path in out.iterdir()) == sorted([JOURNAL_NAME, *journalled(out)])
    assert set(journalled(out).values()) == {1}
    with closing(sqlite3.connect(store)) as connection:
        recorded = connection.execute("select place, count(*) from artefacts group by place").fetchall()
    assert len(recorded) == 96
    assert {count for _, count in recorded} == {1}


@pytest.mark.slow
def test_a_second_run_tries_only_the_bad_again(hundred: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    shutil.copytree(hundred, folder)
    list(run_batch(resize, items_of(folder, out)))
    Image(np.full((SIDE, SIDE, 3), 0.5, np.float32)).save(folder / "051-text.png", overwrite=True)
    *_, finished = run_batch(resize, items_of(folder, out))
    assert isinstance(finished, BatchFinished)
    assert (len(finished.done), len(finished.skipped), len(finished.failed)) == (1, 96, 3)
