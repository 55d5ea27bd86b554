"""What the routes share: the vault, the foreman, and the workers of the viewer."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyres.core.errors import InputError, LimitError, RunError, WeightsError, error_of
from anyres.models.catalog import CATALOG, find_weights, weights_paths
from anyres.operations.upscale import MODEL
from anyres.server.foreman import Foreman
from anyres.server.tiling import (
    ContinuousAsked,
    EncodeAsked,
    Encoded,
    PreviewAsked,
    Refused,
    TileAsked,
    serve_continuous,
    serve_stored,
)
from anyres.server.vault import NotThereError, Vault
from anyres.server.worker import Worker, WorkerBusyError, WorkerDiedError
from anyres.workflow.staging import lives_since


@dataclass
class Studio:
    """One server's state."""

    vault: Vault
    foreman: Foreman = field(init=False)
    stored: Worker = field(default_factory=lambda: Worker(serve_stored))
    continuous: Worker = field(default_factory=lambda: Worker(serve_continuous))

    def __post_init__(self) -> None:
        """Make the foreman; it begins with `start`."""
        self.foreman = Foreman(self.vault)

    def start(self) -> None:
        """Begin to work; InputError where another server works in the same folder."""
        self._refuse_second()
        self._sign.write_text(f"{os.getpid()} {time.time()}", encoding="ascii")
        self.foreman.start()

    def stop(self) -> None:
        """End all processes."""
        self.foreman.stop()
        self.stored.kill()
        self.continuous.kill()
        self._sign.unlink(missing_ok=True)

    @property
    def _sign(self) -> Path:
        """Says which process works in the folder, and since when."""
        return self.vault.folder / "server"

    def _refuse_second(self) -> None:
        """Two servers would take each other's runs for those of one that was stopped."""
        try:
            process, since = self._sign.read_text(encoding="ascii").split()
            is_alive = lives_since(int(process), float(since))
        except (OSError, ValueError):
            return
        if is_alive:
            raise InputError(
                f"Another studio (process {process}) works in {self.vault.folder}. End it, or name another "
                "folder with --folder."
            )

    def preview(self, identity: str, side: int) -> bytes:
        """A picture, made small, as PNG."""
        path = self._picture(identity)
        return self._bytes(self.stored, PreviewAsked(identity, path, side, self.vault.limits.of_pictures))

    def tile(self, identity: str, level: int, column: int, row: int) -> bytes:
        """A tile of a picture's pyramid, as PNG."""
        limits = self.vault.limits.of_pictures
        asked = TileAsked(identity, self._picture(identity), level, column, row, limits)
        return self._bytes(self.stored, asked)

    def encode(self, identity: str, weights: str) -> Encoded:
        """Have a picture's features at hand; LimitError for one that is too large to hold them."""
        path, most = self._picture(identity), self.vault.limits.encoded_megapixels
        size_hw = self.vault.file(identity).size_hw
        assert size_hw is not None, "a report has no size"
        if size_hw[0] * size_hw[1] > most * 1e6:
            raise LimitError(
                f"The features of {size_hw[1]} x {size_hw[0]} pixels are too many to hold; up to {most:g} "
                "million pixels can be looked at beyond their size. Enlarge a part of it instead."
            )
        if find_weights(weights).model.name != MODEL:
            raise InputError(f"{weights} are no weights that enlarge.")
        said = self._asked(
            self.continuous, EncodeAsked(identity, path, weights, self.vault.limits.of_pictures), 10
        )
        assert isinstance(said, Encoded)
        return said

    def continuous_tile(self, identity: str, weights: str, power: int, column: int, row: int) -> bytes:
        """A tile of a picture enlarged by 2**power, rendered from its features, as PNG."""
        self._picture(identity)
        return self._bytes(self.continuous, ContinuousAsked(identity, weights, power, column, row))

    def _picture(self, identity: str) -> Any:
        if self.vault.file(identity).size_hw is None:
            raise NotThereError(f"The file {identity} is no picture.")
        return self.vault.path_of(identity)

    def _bytes(self, worker: Worker, asked: object) -> bytes:
        said = self._asked(worker, asked)
        assert isinstance(said, bytes)
        return said

    def _asked(self, worker: Worker, asked: object, times: int = 1) -> Any:
        """A worker's answer; asked once more where its process was ended from outside."""
        for is_last in (False, True):
            try:
                said = worker.ask(asked, seconds=self.vault.limits.tile_seconds * times)
            except WorkerDiedError as error:
                if is_last:
                    raise RunError(f"The viewer's process ended ({error}). Try again.") from error
                continue
            except WorkerBusyError as error:
                raise RunError("Too many tiles are asked for at once. Ask again in a moment.") from error
            if isinstance(said, Refused):
                raise error_of(said.exit_code, said.reason)
            return said
        raise AssertionError


def weights_that_enlarge() -> list[str]:
    """Names of the weights at hand, the default first; files that cannot be read are left out."""
    first = [name for model in CATALOG if model.name == MODEL for name in model.weights]
    at_hand = weights_paths()
    names = [name for name in first if name in at_hand] + [name for name in at_hand if name not in first]
    return [name for name in names if _enlarges(name)]


def _enlarges(name: str) -> bool:
    try:
        return find_weights(name).model.name == MODEL
    except WeightsError:
        return False
