"""Photograph the studio's page for the documentation: `python tools/screenshots.py PHOTO`.

Begins a server, goes through the page as a user does, in a window of 1280 and one of 390 pixels, and writes
docs/images/studio.1280.png, studio.390.png, studio.history.png, studio.pair.1280.png and studio.pair.390.png;
the pair is of eyes that the program makes. Needs Chromium and the built page.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from anyres.core.image import Image
from anyres.models.retina.eye_pairs import make_pair
from tests.server.browsing import Visit, begun_browser
from tests.server.live import begun_server
from tests.server.test_page_pair import align as aligned

IMAGES = Path(__file__).parents[1] / "docs" / "images"
QUESTION = {"en-US": "How do I make this photo twice as large?", "ko-KR": "이 사진을 두 배로 키우려면?"}


def main(photo: Path) -> None:
    """Take them."""
    with (
        tempfile.TemporaryDirectory() as folder,
        begun_browser() as browser,
        begun_server(Path(folder)) as (address, _),
    ):
        wide = Visit(browser, address)
        enlarged(wide, photo, "en-US")
        wide.page.screenshot(path=IMAGES / "studio.1280.png")
        wide.page.get_by_role("link", name="History").click()
        wide.page.locator(".entry img").first.wait_for()
        wide.page.wait_for_timeout(1000)
        wide.page.screenshot(path=IMAGES / "studio.history.png")
        narrow = {"width": 390, "height": 844}
        small = Visit(browser, address, locale="ko-KR", color_scheme="dark", viewport=narrow)
        enlarged(small, photo, "ko-KR")
        small.page.get_by_test_id("stage").scroll_into_view_if_needed()
        small.page.screenshot(path=IMAGES / "studio.390.png")
        eyes = drawn_pair(Path(folder))
        wide.page.goto(f"{address}/#/pair")
        aligned(wide, *eyes)
        wide.page.get_by_role("radio", name="checkerboard").check()
        wide.page.wait_for_timeout(2000)
        wide.page.screenshot(path=IMAGES / "studio.pair.1280.png")
        small.page.goto(f"{address}/#/pair")
        aligned(small, *eyes)
        small.page.get_by_role("radio", name="겹쳐 보기").check()
        small.page.get_by_test_id("stage").scroll_into_view_if_needed()
        small.page.wait_for_timeout(2000)
        small.page.screenshot(path=IMAGES / "studio.pair.390.png")


def drawn_pair(folder: Path) -> tuple[Path, Path]:
    """Two photographs of one made eye."""
    pair = make_pair("A", 4, side=1024)
    paths = folder / "2025.png", folder / "2026.png"
    for path, view in zip(paths, (pair.fixed, pair.moving), strict=True):
        Image.from_numpy(view.pixels).save(path)
    return paths


def enlarged(visit: Visit, photo: Path, language: str) -> None:
    """A photograph given, a question asked, its workflow run, and a source read."""
    page = visit.page
    visit.give(photo)
    page.locator("#question").fill(QUESTION[language])
    page.keyboard.press("Enter")
    page.get_by_test_id("answer").wait_for()
    visit.run()
    page.get_by_role("slider").wait_for()
    page.locator(".tag.left", has_text="bicubic" if language == "en-US" else "바이큐빅").wait_for()
    stage = page.get_by_test_id("stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.5 * box["height"])
    for _ in range(8):
        page.mouse.wheel(0, -200)
        page.wait_for_timeout(150)
    page.locator("[data-testid=stage]:not([data-beyond=''])").wait_for()
    page.wait_for_timeout(2500)  # until its tiles are there
    page.locator(".cite").nth(1).hover()
    page.evaluate("scrollTo(0, 0)")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
