"""The studio's page for two photographs of one eye, in a browser, against a real server."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # pytest's jaxtyping hook must come before the package
    from playwright.sync_api import Browser

    from tests.server.browsing import Visit


@pytest.fixture
def visit(browser: "Browser", address: str) -> Iterator["Visit"]:
    from tests.server.browsing import Visit

    made = Visit(browser, f"{address}/#/pair")
    yield made
    assert not made.complaints
    made.context.close()


@pytest.fixture(scope="module")
def eyes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two photographs of one made eye, and one of another."""
    from tests.models.retina.fundi import fundus
    from tests.models.retina.test_registration import MOVED, seen_moved

    folder = tmp_path_factory.mktemp("eyes")
    images = {"first": fundus(), "later": seen_moved(MOVED), "other": fundus(7)}
    for name, image in images.items():
        image.save(folder / f"{name}.png")
    return {name: folder / f"{name}.png" for name in images}


def align(visit: "Visit", fixed: Path, moving: Path) -> str:
    """Give both, press the button, and wait for the verdict; its status."""
    page = visit.page
    for place, path in enumerate((fixed, moving)):
        page.locator("input[type=file]").nth(place).set_input_files(path)
        page.locator(".choose").nth(place).locator(".chosen", has_text=path.name).wait_for()
    page.get_by_role("button", name=re.compile("^(Lay one on the other|서로 겹치기)$")).click()
    verdict = page.get_by_test_id("verdict")
    verdict.wait_for(timeout=120_000)
    return verdict.get_attribute("data-status") or ""


def test_two_photographs_of_one_eye_are_laid_on_each_other_and_judged(
    visit: "Visit", eyes: dict[str, Path]
) -> None:
    page = visit.page
    assert align(visit, eyes["first"], eyes["later"]) == "ok"
    told = page.get_by_test_id("verdict").inner_text()
    assert "The photographs lie on each other." in told
    assert "Research software, not a medical device." in told
    assert re.search(r"Probability\s+(> 99|9\d) %", told)
    page.get_by_role("slider").wait_for()
    with page.expect_download() as begun:
        page.get_by_role("link", name=re.compile("registered")).click()
    assert begun.value.suggested_filename == "first.registered.png"


def test_the_pair_is_looked_at_in_four_ways(visit: "Visit", eyes: dict[str, Path]) -> None:
    page = visit.page
    align(visit, eyes["first"], eyes["later"])
    page.get_by_role("slider").wait_for()
    seen = {}
    for view in ("overlay", "checkerboard"):
        page.get_by_role("radio", name=view).check()
        page.locator(".tag.right", has_text=view).wait_for()
        page.wait_for_timeout(1500)
        assert page.get_by_role("slider").count() == 0
        seen[view] = page.get_by_test_id("stage").screenshot()
    page.get_by_role("radio", name="flicker").check()
    page.get_by_role("button", name="The other one").click()  # holds, and turns
    page.wait_for_timeout(1500)
    first = page.get_by_test_id("stage").screenshot()
    page.get_by_role("button", name="The other one").click()
    page.wait_for_timeout(300)
    other = page.get_by_test_id("stage").screenshot()
    assert len({first, other, *seen.values()}) == 4
    page.get_by_role("button", name="Flicker").click()
    tags = set()
    for _ in range(30):
        page.wait_for_timeout(100)
        tags.add(page.locator(".tag").first.inner_text())
    assert tags == {"Stays as it is", "Is laid on it"}


def test_of_two_eyes_the_reasons_are_told_and_nothing_is_laid(visit: "Visit", eyes: dict[str, Path]) -> None:
    page = visit.page
    assert align(visit, eyes["first"], eyes["other"]) == "failed"
    told = page.get_by_test_id("verdict").inner_text()
    assert "They could not be laid on each other." in told
    assert "agree" in told
    assert page.get_by_role("slider").count() == 0
    assert page.get_by_role("link", name=re.compile("registered")).count() == 0


def test_a_pair_is_opened_from_the_history_and_by_its_address(visit: "Visit", eyes: dict[str, Path]) -> None:
    page = visit.page
    align(visit, eyes["first"], eyes["later"])
    page.reload()
    page.get_by_test_id("verdict").wait_for()
    assert page.locator(".chosen").count() == 2
    page.get_by_role("link", name="History").click()
    entry = page.locator(".entry").first
    entry.get_by_role("button", name="Open").click()
    page.get_by_test_id("verdict").wait_for()
    assert "#/pair/" in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_stands_in_the_way_of_anyone(
    browser: "Browser", address: str, eyes: dict[str, Path], scheme: str
) -> None:
    from tests.server.browsing import AXE, Visit

    if not AXE.is_file():
        pytest.skip("axe-core is not installed (make page)")
    narrow = {"width": 390, "height": 844}
    visit = Visit(browser, f"{address}/#/pair", locale="ko-KR", viewport=narrow, color_scheme=scheme)
    assert visit.findings() == []
    align(visit, eyes["first"], eyes["later"])
    assert visit.findings() == []
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
    visit.context.close()
