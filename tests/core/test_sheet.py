import numpy as np
import pytest

from anyres.core.sheet import INK, LINE, MARGIN, PAPER, Panel, draw_sheet, grid_size_hw


def panel(title: str, height: int, width: int, *, level: float = 0.5) -> Panel:
    return Panel(title, np.full((height, width, 3), level, np.float32))


def test_panels_stand_side_by_side_and_rows_below_each_other() -> None:
    first = [panel("a", 40, 60, level=0.2), panel("b", 40, 60, level=0.4)]
    sheet = draw_sheet([first, [panel("c", 30, 50, level=0.6)]], titles=["one", "two"]).pixels
    top, left = 2 * LINE, MARGIN  # below the title of the row and that of the panel
    assert (sheet[top : top + 40, left : left + 60] == np.float32(0.2)).all()
    left += 60 + 2 * MARGIN
    assert (sheet[top : top + 40, left : left + 60] == np.float32(0.4)).all()
    top += 40 + MARGIN + 2 * LINE
    assert (sheet[top : top + 30, MARGIN : MARGIN + 50] == np.float32(0.6)).all()
    assert sheet.shape == (top + 30 + 2 * MARGIN, 2 * (60 + 2 * MARGIN), 3)


def test_what_is_no_panel_and_no_text_is_paper() -> None:
    sheet = draw_sheet([[panel("", 40, 60), panel("", 20, 60)]], titles=[""]).pixels
    beside = sheet.copy()
    beside[2 * LINE : 2 * LINE + 40, MARGIN : MARGIN + 60] = PAPER
    beside[2 * LINE : 2 * LINE + 20, 3 * MARGIN + 60 : 3 * MARGIN + 120] = PAPER
    assert (beside == PAPER).all()


def test_titles_are_written_in_ink_in_their_own_lines() -> None:
    sheet = draw_sheet([[panel("panel", 40, 200)]], titles=["row"]).pixels
    for top in (0, LINE):
        line = sheet[top : top + LINE]
        assert line.min() == pytest.approx(INK)
        assert 0.01 < (line < 0.5).mean() < 0.3


@pytest.mark.parametrize("words", ["a title that is far too long for so narrow a panel", "W" * 400])
def test_a_title_that_is_too_long_is_set_smaller_and_stays_in_its_line(words: str) -> None:
    sheet = draw_sheet([[panel(words, 30, 120)]], titles=["row"]).pixels
    assert sheet.shape[1] == 120 + 2 * MARGIN
    rows_of_ink = (sheet[LINE : 2 * LINE] < 0.9).any(axis=(1, 2)).sum()
    assert 3 <= rows_of_ink <= 10  # of letters that would be 20 high
    assert (sheet[2 * LINE : 2 * LINE + 30, MARGIN : MARGIN + 120] == np.float32(0.5)).all()


def test_every_row_has_a_title() -> None:
    with pytest.raises(ValueError, match="zip"):
        draw_sheet([[panel("a", 20, 60)]], titles=[])


def test_a_grid_without_row_titles_has_the_size_that_is_said() -> None:
    sheet = draw_sheet([[panel("a", 20, 30), panel("b", 20, 30)], [panel("c", 20, 30)]])
    assert sheet.size_hw == grid_size_hw((20, 30), rows=2, columns=2)
