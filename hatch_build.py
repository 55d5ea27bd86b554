"""The build hook of the wheel: the studio's page is built into it, so that what is installed needs no Node.

ANYRES_PAGE=require fails without a page, ANYRES_PAGE=skip leaves it out; otherwise a wheel whose page cannot
be built (no network, say) is made without it, which the build says and the server too.
"""

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent / "studio"))
from build_page import NODE_WHEEL, PAGE, PageError, build_page, system_npm


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the page before the wheel is packed."""

    def dependencies(self) -> list[str]:
        """Node from PyPI, where this machine's own is missing or too old."""
        return [] if _wish() == "skip" or system_npm() is not None else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build; an editable installation uses what `make page` made."""
        if version == "editable" or _wish() == "skip":
            return
        try:
            build_page()
        except PageError as error:
            if _wish() == "require":
                raise
            self.app.display_warning(f"The studio's page is left out of this wheel. {error}")
            return
        build_data["artifacts"].append(f"{PAGE.relative_to(self.root).as_posix()}/**")


def _wish() -> str:
    return os.environ.get("ANYRES_PAGE", "")
