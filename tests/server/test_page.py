"""The studio's page in a browser, against a real server and the default weights."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
import pytest

if TYPE_CHECKING:  # pytest's jaxtyping hook must come before the package
    from playwright.sync_api import Browser

    from tests.server.browsing import Visit

SIZE = (200, 140)  # of the photograph
ASKED = "How do I make this photo twice as large?"
FIRST_PAGE_BYTES = 300_000  # compressed


@pytest.fixture
def visit(browser: "Browser", address: str) -> Iterator["Visit"]:
    from tests.server.browsing import Visit

    made = Visit(browser, address)
    yield made
    assert not made.complaints
    assert all(url.startswith((address, "data:", "blob:")) for url in made.asked), (
        "a request left the machine"
    )
    made.context.close()


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smooth picture with edges, as a JPEG."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] / 20
    waves = np.stack((np.sin(x), np.cos(y), np.sin(x * y / 9)), axis=-1)
    path = tmp_path_factory.mktemp("photos") / "garden.jpg"
    PIL.Image.fromarray(np.uint8(127 + 120 * waves)).save(path, quality=95)
    return path


def test_a_photograph_goes_from_the_drop_to_a_file_that_the_command_line_makes(
    visit: "Visit", photo: Path, tmp_path: Path
) -> None:
    page = visit.page
    drop(visit, photo)
    page.get_by_label("Question", exact=True).fill(ASKED)
    page.get_by_role("button", name="Ask").click()
    page.get_by_test_id("answer").wait_for()
    told = page.get_by_test_id("forecast")
    told.get_by_text("400 × 280").wait_for()
    assert "inside" in told.inner_text()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_test_id("running").get_by_role("progressbar").wait_for()
    page.get_by_test_id("download").wait_for(timeout=120_000)

    with page.expect_download() as begun:
        page.get_by_test_id("download").click()
    assert begun.value.suggested_filename == "garden.enlarged.jpg"
    same = by_command_line(tmp_path, "ask", ASKED, "--image", str(photo), "--run")
    assert Path(begun.value.path()).read_bytes() == same.read_bytes()

    cite = page.get_by_role("button", name=re.compile("^Source: ")).nth(1)
    cite.focus()
    assert "twice" in page.locator(".cite:focus + .quote").inner_text()

    page.reload()  # the run is in the address
    page.get_by_test_id("download").wait_for()
    assert page.get_by_test_id("answer").is_visible()
    page.get_by_role("link", name="History").click()
    entry = page.locator(".entry", has_text="garden.enlarged.jpg")
    assert "done" in entry.inner_text()
    entry.get_by_role("button", name="Open").click()
    page.get_by_role("slider").wait_for()


def test_a_size_that_was_picked_gives_the_file_of_the_command_line(
    visit: "Visit", photo: Path, tmp_path: Path
) -> None:
    visit.give(photo)
    visit.page.get_by_role("button", name="×3").click()
    visit.run()
    with visit.page.expect_download() as begun:
        visit.page.get_by_test_id("download").click()
    assert begun.value.suggested_filename == "garden.x3.jpg"
    same = by_command_line(tmp_path, "upscale", str(photo), "--scale", "3")
    assert Path(begun.value.path()).read_bytes() == same.read_bytes()


def test_the_divider_moves_and_past_the_pixels_tiles_are_rendered(visit: "Visit", photo: Path) -> None:
    page = visit.page
    visit.give(photo)
    page.get_by_role("button", name="×3").click()
    visit.run()
    divider = page.get_by_role("slider")
    divider.wait_for()
    assert divider.get_attribute("aria-valuenow") == "50"
    divider.focus()
    page.keyboard.press("PageDown")
    page.keyboard.press("ArrowLeft")
    assert divider.get_attribute("aria-valuenow") == "38"
    stage = page.get_by_test_id("stage")
    box = stage.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.38 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], middle, steps=4)
    page.mouse.up()
    assert divider.get_attribute("aria-valuenow") == "70"
    assert place_in_the_middle(visit, divider="Home") == place_in_the_middle(visit, divider="End")
    with page.expect_response(re.compile(r"/continuous/liif-compact/\d+/\d+/\d+$"), timeout=60_000) as tile:
        for _ in range(8):  # on the divider, which lets the wheel through
            page.mouse.wheel(0, -300)
            page.wait_for_timeout(100)
    assert tile.value.headers["content-type"] == "image/png"
    page.locator("[data-testid=stage]:not([data-beyond=''])").wait_for()
    assert float(stage.get_attribute("data-beyond") or 0) > 3
    page.get_by_role("button", name="1:1").click()
    page.locator("[data-testid=stage][data-beyond='']").wait_for()


def test_the_probe_tells_the_pixels_of_the_files(visit: "Visit", photo: Path) -> None:
    page = visit.page
    visit.give(photo)
    stage = page.get_by_test_id("stage")
    page.wait_for_timeout(1000)  # the view comes to rest
    box = stage.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    told = page.get_by_test_id("probe")
    told.filter(has_text="x ").wait_for()
    numbers = [int(one) for one in re.findall(r"\d+", told.inner_text())]
    x, y, *colour = numbers
    assert abs(x - SIZE[0] / 2) <= 2
    assert abs(y - SIZE[1] / 2) <= 2
    assert tuple(colour) == PIL.Image.open(photo).getpixel((x, y))


def test_other_ways_are_compared_at_the_same_size(visit: "Visit", photo: Path, address: str) -> None:
    page = visit.page
    visit.give(photo)
    page.get_by_role("button", name="×1.5").click()
    visit.run()
    for name in ("bicubic", "nearest"):
        page.get_by_label("Compare with").select_option(name)
        page.locator(".tag.left", has_text=name).wait_for()
    runs = page.evaluate("fetch('/api/runs').then((answer) => answer.json())")
    kernels = [run["parameters"].get("kernel") for run in runs[:2]]
    assert kernels == ["nearest", "bicubic"]
    assert {(run["results"][0]["width"], run["results"][0]["height"]) for run in runs[:3]} == {(300, 210)}


def test_where_two_ways_differ_is_shown_with_a_legend(visit: "Visit", photo: Path) -> None:
    page = visit.page
    visit.give(photo)
    page.get_by_role("button", name="×3").click()
    visit.run()
    page.locator(".tag.left", has_text="bicubic").wait_for()
    page.wait_for_timeout(1000)
    plain = page.get_by_test_id("stage").screenshot()
    page.get_by_role("checkbox", name="Show where they differ").check()
    page.get_by_test_id("legend").wait_for(timeout=60_000)
    assert "0.1 or more" in page.get_by_test_id("legend").inner_text()
    page.wait_for_timeout(1500)
    assert page.get_by_test_id("stage").screenshot() != plain
    page.get_by_role("checkbox", name="Show where they differ").uncheck()
    page.wait_for_timeout(1500)
    assert page.get_by_test_id("legend").count() == 0
    assert page.get_by_test_id("stage").screenshot() == plain


def test_bad_input_is_told_beside_what_it_is_about(visit: "Visit", photo: Path, tmp_path: Path) -> None:
    page = visit.page
    broken = tmp_path / "<img src=x onerror=alert(1)>.png"
    broken.write_bytes(b"no picture at all")
    page.set_input_files("input[type=file]", broken)
    alert = page.get_by_test_id("choose").get_by_role("alert")
    alert.wait_for()
    assert broken.name in alert.inner_text()
    assert page.locator("img[src=x]").count() == 0

    visit.give(photo)
    size = page.get_by_role("spinbutton")
    for value in ("-1", "0", "1000"):
        size.fill(value)
        page.get_by_role("alert").filter(has_text=f"; {value} was given").wait_for()
    page.get_by_label("Size", exact=True).select_option("width")
    size.fill("9999999")
    page.get_by_role("alert").filter(has_text="9999999").wait_for()


def test_a_picture_that_was_cut_short_is_told_beside_the_view(
    visit: "Visit", photo: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(photo.read_bytes()[: photo.stat().st_size // 2])
    visit.give(cut)
    visit.page.locator(".viewer").get_by_role("alert").filter(has_text="cut short").wait_for()
    visit.complaints.clear()  # of OpenSeadragon, about its tiles


def test_a_run_is_cancelled_and_deleted(visit: "Visit", photo: Path, tmp_path: Path) -> None:
    page = visit.page
    large = tmp_path / "large.png"
    PIL.Image.open(photo).resize((1400, 980)).save(large)
    visit.give(large)
    page.get_by_role("button", name="×4").click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_test_id("running").get_by_role("alert").filter(has_text="cancelled").wait_for(timeout=5000)
    page.get_by_role("link", name="History").click()
    entry = page.locator(".entry").first
    assert "cancelled" in entry.inner_text()
    identity = entry.get_attribute("data-run")
    entry.get_by_role("button", name="Delete").click()
    entry.get_by_role("button", name="Delete for good?").click()
    page.locator(f"[data-run='{identity}']").wait_for(state="detached")


def test_two_tabs_follow_one_run(visit: "Visit", photo: Path) -> None:
    visit.give(photo)
    visit.page.get_by_role("button", name="Run", exact=True).click()
    visit.page.wait_for_url(re.compile("#/run/"))
    other = visit.tab(visit.page.url)
    for page in (visit.page, other):
        page.get_by_test_id("download").wait_for(timeout=120_000)
        page.get_by_role("slider").wait_for()


def test_a_run_is_followed_through_a_restart_of_the_server(
    browser: "Browser", tmp_path: Path, photo: Path
) -> None:
    from tests.server.browsing import Visit
    from tests.server.live import begun_server

    large = tmp_path / "large.png"
    PIL.Image.open(photo).resize((900, 630)).save(large)
    with begun_server(tmp_path) as (address, process):
        port = int(address.rsplit(":", 1)[1])
        visit = Visit(browser, address)
        visit.give(large)
        visit.page.get_by_role("button", name="Run", exact=True).click()
        visit.page.locator("[data-testid=running][data-status=running]").wait_for()
        os.kill(process, signal.SIGKILL)
        visit.page.get_by_text("The connection was lost").wait_for()
    with begun_server(tmp_path, port=port):
        visit.page.get_by_test_id("download").wait_for(timeout=120_000)
        visit.context.close()


@pytest.mark.parametrize("language", ["en-US", "ko-KR"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_stands_in_the_way_of_anyone(
    browser: "Browser", address: str, photo: Path, language: str, scheme: str
) -> None:
    from tests.server.browsing import Visit

    small = {"width": 390, "height": 844}
    visit = Visit(browser, address, locale=language, color_scheme=scheme, viewport=small)
    assert not visit.findings()
    visit.give(photo)
    question = "이 사진을 두 배로 키우려면?" if language == "ko-KR" else "How do I enlarge this photo twice?"
    visit.page.locator("#question").fill(question)
    visit.page.keyboard.press("Enter")
    visit.page.get_by_test_id("answer").wait_for()
    visit.run()
    visit.page.get_by_role("slider").wait_for()
    assert not visit.findings()
    assert visit.page.evaluate("document.documentElement.lang") == language[:2]
    assert visit.page.evaluate("document.documentElement.scrollWidth") == small["width"]
    visit.page.locator("nav a[href='#/history']").click()
    visit.page.locator(".entry").first.wait_for()
    assert not visit.findings()
    visit.context.close()


def test_the_keyboard_alone_is_enough(visit: "Visit", photo: Path) -> None:
    page = visit.page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skip to the main part
    assert page.evaluate("document.activeElement.id") == "main"
    with page.expect_file_chooser() as opened:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    opened.value.set_files(photo)
    page.locator(".chosen").wait_for()
    page.locator("#question").focus()
    page.keyboard.type("How do I enlarge this photo three times?")
    page.keyboard.press("Enter")
    page.get_by_test_id("answer").wait_for()
    run = page.get_by_role("button", name="Run", exact=True)
    run.focus()
    page.keyboard.press("Enter")
    page.get_by_role("slider").wait_for(timeout=120_000)
    page.locator(".deep .openseadragon-canvas").focus()
    page.keyboard.press("+")
    page.get_by_test_id("probe").filter(has_text="After").wait_for()


def test_the_first_page_is_small(address: str) -> None:
    from anyres.server.app import PAGE

    files = [one for one in PAGE.rglob("*") if one.is_file()]
    assert sum(len(gzip.compress(one.read_bytes())) for one in files) < FIRST_PAGE_BYTES


def test_the_types_of_the_page_are_of_the_server_as_it_is() -> None:
    from tools.openapi import TARGET, document_text

    assert json.loads(TARGET.read_text(encoding="utf-8")) == json.loads(document_text()), (
        "write it again: python tools/openapi.py"
    )


def place_in_the_middle(visit: "Visit", *, divider: str) -> str:
    """Which pixel of the picture lies in the middle of the view, with the divider at an end."""
    visit.page.get_by_role("slider").press(divider)
    visit.page.wait_for_timeout(800)
    box = visit.page.get_by_test_id("stage").bounding_box()
    assert box is not None
    visit.page.mouse.move(box["x"] + box["width"] / 2 + 30, box["y"] + box["height"] / 2)
    told = visit.page.get_by_test_id("probe")
    told.filter(has_text="x ").wait_for()
    return told.inner_text().partition(" · ")[0]


def drop(visit: "Visit", path: Path) -> None:
    """Let a file fall on the page, as a mouse does."""
    content = list(path.read_bytes())
    carried = visit.page.evaluate_handle(
        """([content, name]) => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(content)], name, { type: 'image/jpeg' }));
            return carried;
        }""",
        [content, path.name],
    )
    visit.page.dispatch_event("[data-testid=choose]", "drop", {"dataTransfer": carried})
    visit.page.locator(".chosen", has_text=path.name).wait_for()


def by_command_line(folder: Path, *arguments: str) -> Path:
    """What `anyres` makes of a photograph, told to write it to a folder."""
    out = folder / "made.jpg"
    command = "import sys; from anyres.cli.main import main; sys.argv[0] = 'anyres'; main()"
    subprocess.run([sys.executable, "-c", command, *arguments, "-o", str(out)], check=True)
    return out
