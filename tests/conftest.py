"""What every test stands on: the data folder, folders of one's own, two torch threads, the same examples."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings
from jaxtyping import Float32

if TYPE_CHECKING:  # pytest's jaxtyping hook must come before the package
    from anyres.core.image import Image, Rows
    from anyres.core.tiles import Interval

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
    monkeypatch.setenv("ANYRES_STORE", str(home / "store.db"))
    return home


@pytest.fixture
def at_most_five_seconds() -> Iterator[None]:
    """TimeoutError in a test that waits: for a pipe, say, that nobody writes to."""

    def too_long(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(5)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session", autouse=True)
def two_torch_threads() -> Iterator[None]:
    """Two threads for torch: small networks run no faster on more, and equal counts give equal bytes."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class NearestUpscaler:
    """A door without a network: every pixel repeated, in stripes of 7 rows."""

    @classmethod
    def load(cls, path: Path, *, precision: str) -> "NearestUpscaler":
        return cls()

    def rows(
        self,
        image: "Image",
        size_hw: tuple[int, int],
        *,
        window: "tuple[Interval, Interval] | None" = None,
        progress: Callable[[float], None] | None = None,
    ) -> "Rows":
        from anyres.core.image import Rows

        rows, columns = (np.arange(size_hw[axis]) * image.size_hw[axis] // size_hw[axis] for axis in (0, 1))
        if window:
            rows, columns = rows[window[0].slice], columns[window[1].slice]
        size_hw = len(rows), len(columns)
        planes = image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])

        def stripes() -> Iterator[Float32[np.ndarray, "h w c"]]:
            for top in range(0, size_hw[0], 7):
                yield planes[rows[top : top + 7]][:, columns]
                if progress:
                    progress(min(1.0, (top + 7) / size_hw[0]))

        return Rows(size_hw, image.alpha is not None, image.encoding, stripes(), image.notices)


@pytest.fixture
def nearest_model(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Puts `NearestUpscaler` behind the only weights there are, `liif-compact`; gives back their file."""
    from anyres.core.errors import InputError
    from anyres.models.catalog import CATALOG, NamedWeights

    weights = tmp_path_factory.mktemp("weights") / "liif-compact.safetensors"
    weights.write_bytes(b"no tensors")

    def find_weights(name: str) -> NamedWeights:
        if name != "liif-compact":
            raise InputError(f"There are no weights called {name!r}; there are: liif-compact.")
        return NamedWeights(name, CATALOG[0], weights)

    monkeypatch.setattr("anyres.operations.upscale.find_weights", find_weights)
    monkeypatch.setattr("anyres.operations.upscale.load_door", lambda door: NearestUpscaler)
    return weights
