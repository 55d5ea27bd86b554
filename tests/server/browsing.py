"""A browser of this machine, without a window, and what a user does in it."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from anyres.server.app import PAGE

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
AXE = REPOSITORY / "studio" / "node_modules" / "axe-core" / "axe.min.js"
RUN_MS = 120_000


@contextmanager
def begun_browser() -> Iterator[Browser]:
    """Chromium; the test is skipped, by name, where it or the page is missing and nobody demands them."""
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    missing = [] if program else [f"none of {', '.join(PROGRAMS)} is installed"]
    if not (PAGE / "index.html").is_file():
        missing.append("the page is not built (make page)")
    if missing:
        if os.environ.get("ANYRES_BROWSER") == "require":
            pytest.fail("; ".join(missing))
        pytest.skip("; ".join(missing))
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


class Visit:
    """A tab on the studio; what it complains of is kept."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        size = {"width": 1280, "height": 900}
        self.context = browser.new_context(**{"viewport": size, "locale": "en-US", **options})
        self.complaints: list[str] = []
        self.asked: list[str] = []  # addresses
        self.page = self.tab(address)

    def tab(self, address: str) -> Page:
        """One more."""
        page = self.context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._note)
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(address)
        page.locator(".choose button, .history").first.wait_for()
        return page

    def _note(self, told: ConsoleMessage) -> None:
        is_refusal = told.text.startswith("Failed to load resource")  # which the page itself tells
        if told.type == "error" and not is_refusal:
            self.complaints.append(told.text)

    def give(self, path: Path) -> None:
        """Choose a picture, and wait until it is there."""
        self.page.set_input_files("input[type=file]", path)
        self.page.locator(".chosen", has_text=path.name).wait_for()

    def run(self) -> None:
        """Press Run, and wait for its file."""
        self.page.get_by_role("button", name=re.compile("^(Run|실행)$")).click()
        self.page.get_by_test_id("download").wait_for(timeout=RUN_MS)

    def findings(self) -> list[str]:
        """What axe finds serious or worse."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        bad = ("serious", "critical")
        return [
            f"{one['id']}: {one['nodes'][0]['html']}" for one in found["violations"] if one["impact"] in bad
        ]
