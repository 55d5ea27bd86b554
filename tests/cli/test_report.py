from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from anyres.cli import report as subject
from anyres.cli.report import bar, exit_code, printable, say, summary
from anyres.workflow.events import (
    BatchFinished,
    BatchStarted,
    ItemDone,
    ItemFailed,
    ItemSkipped,
    ItemStarted,
)
from anyres.workflow.folder import Plan
from anyres.workflow.items import Item, Result

ITEM = Item({"image": Path("in/photo.png")}, {"result": Path("out/photo.x2.png")})
DONE = ItemDone(ITEM, size_hw=(1000, 2000), notices=(), time_s=1.0)
SKIPPED = ItemSkipped(ITEM)
PLAN = Plan((ITEM,))


def finished(*, done: int = 0, skipped: int = 0, failed: tuple[int, ...] = ()) -> BatchFinished:
    return BatchFinished(
        done=(DONE,) * done,
        skipped=(SKIPPED,) * skipped,
        failed=tuple(ItemFailed(ITEM, "It is broken.", code) for code in failed),
        time_s=2.04,
    )


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (finished(done=1), f"{Path('out/photo.x2.png')}: 2000x1000 pixels, in 2.0 s."),
        (finished(done=3), "3 pictures done, 6.0 megapixels in 2.0 s."),
        (finished(skipped=1), "1 picture already done."),
        (finished(done=2, failed=(2,)), "2 pictures done, 4.0 megapixels in 2.0 s. 1 picture not done."),
    ],
)
def test_the_summary_says_in_words_what_was_done(ended: BatchFinished, said: str) -> None:
    assert summary(ended, PLAN) == said


def test_the_summary_counts_what_was_passed_over() -> None:
    plan = Plan((ITEM,), others=4, earlier_results=2)
    assert summary(finished(done=2), plan).endswith(
        "Passed over as earlier results: 2. Passed over as no pictures: 4."
    )


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (finished(done=1), 0),
        (finished(skipped=2), 0),
        (finished(failed=(2,)), 2),
        (finished(failed=(3,)), 3),
        (finished(done=1, failed=(3,)), 1),
        (finished(skipped=1, failed=(2,)), 1),
        (finished(failed=(2, 3)), 1),
    ],
)
def test_one_item_alone_gives_its_own_exit_code_and_many_give_one(ended: BatchFinished, code: int) -> None:
    assert exit_code(ended) == code


def test_an_item_done_in_part_names_its_files_and_ends_with_one() -> None:
    made = tuple(Result("result", Path(f"out/{name}.png"), "sha", 9, (4, 6)) for name in "ab")
    ended = BatchFinished((), (), (ItemFailed(ITEM, "c.png is broken.", 3, made),), time_s=2.04)
    assert exit_code(ended) == 1
    said = summary(ended, PLAN)
    assert f"{Path('out/a.png')}: 6x4 pixels" in said
    assert said.endswith("2 files in 2.0 s. 1 done in part (2 files): some results are missing.")
    assert "not done" not in said


def shown(monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool, item: Item = ITEM) -> str:
    screen = StringIO()

    def console(*, to_error: bool) -> Console:
        assert to_error
        return Console(file=screen, force_terminal=is_terminal, width=200, color_system=None)

    monkeypatch.setattr(subject, "_console", console)
    with bar() as progress:
        progress.take(BatchStarted(2, 4.0))
        progress.take(ItemStarted(item, 2.0))
        progress.take(DONE)
        progress.take(ItemStarted(item, 2.0))
        progress.advance(ITEM, 0.5)
    return screen.getvalue()


def test_a_terminal_sees_pictures_and_megapixels(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = shown(monkeypatch, is_terminal=True)
    assert "photo.png" in screen
    assert "1 of 2 pictures" in screen
    assert "3.0 of 4.0 megapixels" in screen


def test_no_bar_goes_to_what_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, is_terminal=False).strip() == ""


def test_a_name_reaches_the_terminal_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    say(":car: [bold] café 写真 👩‍🚀")
    assert capsys.readouterr().out == ":car: [bold] café 写真 👩‍🚀\n"


def test_what_would_steer_a_terminal_is_shown_as_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\x1b[2Jb\tc\rd\x9be\u202ef", to_error=True)
    assert capsys.readouterr().err == r"a\x1b[2Jb\tc\rd\x9be\u202ef" + "\n"


def test_bytes_that_are_no_text_can_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    say("caf\udce9.png")
    assert capsys.readouterr().out == r"caf\udce9.png" + "\n"


def test_what_an_encoding_lacks_is_shown_as_a_code() -> None:
    assert printable("café 写真", "latin-1") == r"café \u5199\u771f"


def test_the_bar_shows_a_name_without_what_would_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    named = Item({"image": Path("in/\x1b[31mred\udce9.png")}, {"result": Path("out/red.png")})
    assert r"\x1b[31mred\udce9.png" in shown(monkeypatch, is_terminal=True, item=named)
