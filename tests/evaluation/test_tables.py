import json
from pathlib import Path

import pytest

from anyres.core.errors import InputError, RunError
from anyres.core.machine import Provenance
from anyres.evaluation.tables import markdown_table, read_figures, write_figures

SOURCE = Provenance("abc", "a processor, 2 cores", "anyres evaluate", "2026-01-02")


def test_the_columns_of_a_table_line_up() -> None:
    table = markdown_table(
        ["set5", "x2", "x3.5"], [["bicubic", 33.694, 28.4], ["ours, long", None, "31 / 0.9"]]
    )
    assert table == (
        "| set5       |    x2 |     x3.5 |\n"
        "| ---------- | ----: | -------: |\n"
        "| bicubic    | 33.69 |    28.40 |\n"
        "| ours, long |     - | 31 / 0.9 |"
    )


def test_the_digits_of_a_table_can_be_chosen_and_short_columns_still_have_a_rule() -> None:
    assert markdown_table(["a", "b"], [["x", 0.25]], digits=1) == (
        "| a   |   b |\n| --- | --: |\n| x   | 0.2 |"
    )


def test_a_row_without_a_cell_for_each_column_is_our_own_bug() -> None:
    with pytest.raises(AssertionError, match="every row"):
        markdown_table(["a", "b"], [["x"]])


def test_figures_are_kept_by_name_with_where_they_come_from(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "figures.json"
    write_figures(path, "one", {"x2": 1.5}, source=SOURCE)
    write_figures(path, "two", {"x2": 2.5}, source=SOURCE)
    write_figures(path, "one", {"x2": 3.5}, source=SOURCE)
    about = {"commit": "abc", "machine": "a processor, 2 cores", "command": "anyres evaluate"}
    expected = {
        name: {**about, "date": "2026-01-02", "figures": {"x2": x2}}
        for name, x2 in (("one", 3.5), ("two", 2.5))
    }
    assert read_figures(path) == json.loads(path.read_text(encoding="utf-8")) == expected
    assert [file.name for file in path.parent.iterdir()] == ["figures.json"]


def test_figures_say_the_commit_the_machine_the_command_and_the_day_of_now(tmp_path: Path) -> None:
    write_figures(tmp_path / "a.json", "one", {})
    assert all(
        read_figures(tmp_path / "a.json")["one"][name] for name in ("commit", "machine", "command", "date")
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "cannot be read as figures"), ("[1]", "no figures"), ('{"a": 1}', "no figures")],
)
def test_a_file_of_other_things_is_refused_and_stays(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=rf"{message}.* Give another file"):
        write_figures(tmp_path / "a.json", "one", {}, source=SOURCE)
    assert (tmp_path / "a.json").read_text() == content


def test_a_file_that_is_not_there_is_no_figures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read as figures"):
        read_figures(tmp_path / "a.json")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"Cannot write figures to .*Choose another file"):
        write_figures(tmp_path / "file" / "below" / "a.json", "one", {}, source=SOURCE)


def test_a_full_disk_leaves_the_figures_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_figures(tmp_path / "a.json", "one", {"x2": 1.5}, source=SOURCE)
    before = (tmp_path / "a.json").read_text()

    def full(path: Path, text: str, **_: object) -> None:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(RunError, match="No space left on device"):
        write_figures(tmp_path / "a.json", "two", {}, source=SOURCE)
    assert (tmp_path / "a.json").read_text() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
