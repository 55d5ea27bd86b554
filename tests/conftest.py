"""What every test stands on: the data folder, folders of one's own, two torch threads, the same examples."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("anyres", derandomize=True, deadline=None, database=None)
settings.load_profile("anyres")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of test pictures: ANYRES_DATA, or shared/data beside the repository; skips without it."""
    folder = Path(os.environ.get("ANYRES_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"No test pictures at {folder}; name their folder in ANYRES_DATA.")
    return folder


@pytest.fixture(autouse=True)
def user_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Points the user's own folders at temporary ones, so that no test reads or writes a home directory."""
    home = tmp_path_factory.getbasetemp() / "home"
    for variable in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA", "APPDATA", "HOME"):
        monkeypatch.setenv(variable, str(home / variable.lower()))
    return home


@pytest.fixture(scope="session", autouse=True)
def two_torch_threads() -> Iterator[None]:
    """Two threads for torch: small networks run no faster on more, and equal counts give equal bytes."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
