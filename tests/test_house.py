"""The rules of STYLE.md that no linter holds: what loads at start, who imports what, sizes, names, hosts."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "anyres"
FOLDERS_OF_CODE = ("anyres", "tests", "tools", "benchmarks", "studio")
TEXT_SUFFIXES = {
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".json",
    ".cff",
    ".yml",
    ".cfg",
    ".ts",
    ".tsx",
    ".css",
    ".html",
    "",
}
FOLDERS_OF_NO_TEXT = {"out", "build", "dist", "runs", "__pycache__", "node_modules", "page"}
WRITTEN_BY_NPM = "package-lock.json"  # with addresses of sponsors
START_WITHOUT_TORCH = (
    "anyres",
    "anyres.cli.main",
    "anyres.models.catalog",
    "anyres.core.errors",
    "anyres.core.files",
    "anyres.core.image",
    "anyres.core.sizes",
)
MAY_IMPORT = {
    "pyvips": {"core/vips.py"},
    "PIL": {"core/files.py", "core/pillow.py", "core/tiff.py"},
    "pillow_heif": {"core/heic.py"},
    "safetensors": {"core/weights.py"},
    "cv2": {"models/retina/opencv.py"},
    "pickle": set[str](),
    "torchvision": set[str](),
}
PUBLIC_HOSTS = {
    "arxiv.org",
    "127.0.0.1",
    "localhost",
    "download.openmmlab.com",
    "github.com",
    "www.apache.org",
    "www.dropbox.com",
    "www.w3.org",  # in names of XML, which nobody fetches
}
NO_NAMES = re.compile(r"^(utils?|common|misc|helpers?|base_.*|.*_manager)$")


def python_files(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (REPOSITORY / folder).rglob("*.py"))


def text_files() -> Iterator[Path]:
    for folder, subfolders, names in os.walk(REPOSITORY):
        subfolders[:] = [
            name
            for name in subfolders
            if name == ".ci" or not (name.startswith(".") or name in FOLDERS_OF_NO_TEXT)
        ]
        if Path(folder) == REPOSITORY / "benchmarks" / "advisor":
            subfolders.clear()  # questions of strangers, with addresses of sources that nobody fetches
        kept = (name for name in names if Path(name).suffix in TEXT_SUFFIXES and name != WRITTEN_BY_NPM)
        yield from (Path(folder, name) for name in kept)


def imported_names(file: Path) -> set[str]:
    """Libraries that a file imports when it runs; those for the type checker alone do not count."""
    names: set[str] = set()
    for node in nodes_that_run(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").split(".")[0])
    return names


def nodes_that_run(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from nodes_that_run(node)


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("module", START_WITHOUT_TORCH)
def test_these_modules_start_without_torch(module: str) -> None:
    done = run_python(f"import sys, {module}; sys.exit('torch was loaded' if 'torch' in sys.modules else 0)")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("upscale", "--help")])
def test_the_command_says_its_help_and_version_without_torch(arguments: tuple[str, ...]) -> None:
    code = (
        "import atexit, os, sys\n"
        "atexit.register(lambda: os._exit(99) if 'torch' in sys.modules else None)\n"
        f"sys.argv = ['anyres', *{arguments!r}]\n"
        "from anyres.cli.main import main\n"
        "main()"
    )
    done = run_python(code)
    assert done.returncode == 0, "torch was loaded" if done.returncode == 99 else done.stderr


@pytest.mark.parametrize("library", MAY_IMPORT)
def test_no_file_but_its_own_imports_this_library(library: str) -> None:
    importers = {
        file.relative_to(PACKAGE).as_posix()
        for file in python_files("anyres")
        if library in imported_names(file)
    }
    assert importers <= MAY_IMPORT[library]


def test_foreign_checkpoints_are_opened_in_core_weights_alone_and_without_their_code() -> None:
    for file in python_files("anyres"):
        text = file.read_text(encoding="utf-8")
        if "torch.load(" in text:
            assert file == PACKAGE / "core" / "weights.py"
            assert text.count("torch.load(") == text.count("weights_only=True")


def test_a_file_has_at_most_400_lines() -> None:
    long = {
        file.relative_to(REPOSITORY).as_posix(): lines
        for file in python_files(*FOLDERS_OF_CODE)
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_a_function_fits_a_screen_of_40_lines_beside_its_docstring() -> None:
    long = [
        f"{file.relative_to(REPOSITORY).as_posix()}:{node.lineno} {node.name}"
        for file in python_files("anyres", "tools")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines_beside_docstring(node) > 40
    ]
    assert not long


def lines_beside_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    docstring = ast.get_docstring(node, clean=False)
    return (node.end_lineno or 0) - node.lineno + 1 - (len(docstring.splitlines()) if docstring else 0)


def test_an_init_file_is_empty_but_for_the_packages_own() -> None:
    full = [file for file in PACKAGE.rglob("__init__.py") if file.read_text(encoding="utf-8").strip()]
    assert full in ([], [PACKAGE / "__init__.py"])


def test_the_package_shows_twelve_names_at_most() -> None:
    import anyres

    names = anyres.__all__
    assert len(names) <= 12
    assert all(hasattr(anyres, name) for name in names)


def test_a_module_is_named_by_its_subject() -> None:
    assert not [file for file in python_files(*FOLDERS_OF_CODE) if NO_NAMES.match(file.stem)]


def test_no_file_names_a_path_of_one_machine() -> None:
    home = re.compile(r"(?<![\w.)}$])/(?:home/(?!me\b)|root/|Users/(?!me\b)|opt/|mnt/|work/)\w")
    assert not [file for file in text_files() if home.search(file.read_text(encoding="utf-8"))]


def test_every_address_is_of_a_known_public_host() -> None:
    address = re.compile(r"\bhttps?://([\w.-]+)")
    hosts = {
        (host, file.relative_to(REPOSITORY).as_posix())
        for file in text_files()
        if REPOSITORY / "tests" / "advisor" not in file.parents  # which hold bad ones on purpose
        for host in address.findall(file.read_text(encoding="utf-8"))
    }
    assert {host for host, _ in hosts} <= PUBLIC_HOSTS, sorted(hosts)


def test_the_newest_version_of_the_changelog_is_the_packages() -> None:
    newest = re.search(r"^## (\S+)", (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version("anyres")
