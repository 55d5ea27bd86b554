"""The user's own weights: added from files of any origin, fetched, listed, removed.

They lie as NAME.safetensors in the user's data folder (on Linux ~/.local/share/anyres/weights, or under
XDG_DATA_HOME; on macOS and Windows where applications keep data). Only what a model here can run is stored.
"""

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from anyres.core.download import Progress, download
from anyres.core.errors import InputError, RunError, WeightsError
from anyres.core.weights import (
    MAX_CHECKPOINT_BYTES,
    ConvertedWeights,
    ForeignCheckpoint,
    read_foreign_checkpoint,
    read_header,
    write_weights,
)
from anyres.models.catalog import (
    CATALOG,
    Model,
    NamedWeights,
    PublishedWeights,
    find_weights,
    load_door,
    user_weights_dir,
    weights_paths,
)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?")  # no file can have these names on Windows
Fetch = Callable[..., None]  # `download`, or a stand-in


def add_weights(path: Path, *, name: str | None = None, overwrite: bool = False) -> NamedWeights:
    """Store weights from a file: anyres's own as they are, a foreign checkpoint converted.

    Args:
        path: safetensors, or a checkpoint that PyTorch saved.
        name: letters, digits, dot, dash, underscore; the file's own name without its suffix if not given.
        overwrite: replace the user's weights of that name.

    Raises:
        InputError: if the name cannot be used, or is taken.
        WeightsError: if no model here can run it, or it is not the published file that it is named after.
        LimitError: if it is too large.
        RunError: if the disk does not take it.
    """
    path = Path(path)
    name = _free_name(path.stem if name is None else name, overwrite=overwrite)
    target = user_weights_dir() / f"{name}.safetensors"
    if _is_our_own(path):
        _copy(path, target)
    else:
        _convert(read_foreign_checkpoint(path), name, target)
    return find_weights(name)


def get_weights(
    name: str,
    *,
    address: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    fetch: Fetch | None = None,
) -> NamedWeights:
    """Fetch published weights, check them and add them; what has arrived of an earlier try is used.

    Args:
        name: of `published_weights`.
        address: where to fetch from instead of the authors' own address; https.
        overwrite: as in `add_weights`.
        progress: told the bytes that are there, and how many there will be.
        fetch: a function like `core.download.download`, which it is if not given.

    Raises:
        InputError: if no published weights have that name, or they are there already.
        RunError: if they could not be fetched; it says which file to fetch by hand, from where.
    """
    from platformdirs import user_cache_path

    published = {one.name: one for _, one in published_weights()}
    if name not in published:
        raise InputError(f"No published weights are called {name!r}; there are: {', '.join(published)}.")
    _free_name(name, overwrite=overwrite)
    wanted = published[name]
    path = user_cache_path("anyres", appauthor=False) / "downloads" / wanted.file
    limit = wanted.size_bytes or MAX_CHECKPOINT_BYTES
    try:
        (fetch or download)(
            address or wanted.address, path, sha256=wanted.sha256, max_bytes=limit, progress=progress
        )
    except RunError as error:
        raise RunError(f"{error} {by_hand(wanted)}") from error
    added = add_weights(path, name=name, overwrite=overwrite)
    path.unlink()
    return added


def by_hand(wanted: PublishedWeights) -> str:
    """How to get published weights without this program, in a sentence."""
    size = f", {wanted.size_bytes} bytes" if wanted.size_bytes else ""
    digits = "" if len(wanted.sha256) == 64 else " begins with"  # hexadecimal digits of a whole one
    return (
        f"By hand: fetch {wanted.file} ({wanted.address}, linked at {wanted.page}{size}, sha256{digits} "
        f"{wanted.sha256}), then run `anyres weights add {wanted.file} --name {wanted.name}`."
    )


def remove_weights(name: str) -> Path:
    """Delete the user's weights of that name; the file that was deleted.

    Raises:
        InputError: if there are none of that name, or they ship with anyres.
    """
    path = weights_paths().get(name)
    if path is None:
        own = [known for known in weights_paths() if known not in shipped_names()]
        raise InputError(f"There are no weights called {name!r}; your own are: {', '.join(own) or 'none'}.")
    if name in shipped_names():
        raise InputError(f"{name} ships with anyres and stays; only your own weights can be removed.")
    path.unlink()
    return path


def published_weights() -> list[tuple[Model, PublishedWeights]]:
    """All that others published and a converter here reads."""
    return [(model, one) for model in CATALOG for one in model.published]


def shipped_names() -> set[str]:
    """Names that weights of this package have, or will have."""
    return {name for model in CATALOG for name in model.weights}


def _free_name(name: str, *, overwrite: bool) -> str:
    """The name, if weights can be stored under it."""
    if not NAME.fullmatch(name) or name.endswith(".") or _DEVICES.fullmatch(name.lower()):
        raise InputError(
            f"{name!r:.80} cannot name weights: use up to 64 letters, digits, dots, dashes and underscores, "
            "a letter or digit first. Give one with --name."
        )
    if name.lower() in {shipped.lower() for shipped in shipped_names()}:
        raise InputError(f"{name} is a name of weights that ship with anyres. Give another with --name.")
    taken = {path.stem.lower() for path in user_weights_dir().glob("*.safetensors")}
    if name.lower() in taken and not overwrite:
        raise InputError(
            f"You have weights called {name}. Use --overwrite to replace them, or another --name."
        )
    return name


def _is_our_own(path: Path) -> bool:
    try:
        read_header(path)
    except WeightsError:
        return False
    return True


def _copy(path: Path, target: Path) -> None:
    """Take over a file of anyres, byte for byte, after the model's own door has opened it."""
    rows = {model.name: model for model in CATALOG}
    model = read_header(path).model
    if model not in rows:
        raise WeightsError(
            f"{path} holds weights of {model!r}; this version of anyres has {', '.join(rows)}. Update anyres."
        )
    load_door(rows[model].inference).load(path, precision="float32", device="cpu")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as folder:
            shutil.copyfile(path, Path(folder) / target.name)
            (Path(folder) / target.name).replace(target)
    except OSError as error:
        raise RunError(
            f"Could not write {target}: {error.strerror}. Free some space, or mend the folder's rights."
        ) from error


def _convert(checkpoint: ForeignCheckpoint, name: str, target: Path) -> None:
    published = _recognise(checkpoint, name)
    model, converted = _by_any_converter(checkpoint)
    record = {
        **converted.record,
        "origin": {
            "file": checkpoint.path.name,
            "bytes": checkpoint.size_bytes,
            "sha256": checkpoint.sha256,
            "published_as": published.name if published else None,
        },
        "licence": published.licence if published else "not stated in the file",
        "paper": model.paper,
    }
    write_weights(target, converted.tensors, model=model.name, config=converted.config, record=record)


def _recognise(checkpoint: ForeignCheckpoint, name: str) -> PublishedWeights | None:
    """Which published file this is, by its hash; one that is named after a published file must be it."""
    for _, published in published_weights():
        if checkpoint.sha256.startswith(published.sha256):
            return published
    for _, published in published_weights():
        if published.name == name:
            raise WeightsError(
                f"{checkpoint.path} is not the published {name}: its sha256 is {checkpoint.sha256} "
                f"({checkpoint.size_bytes} bytes), the published one's {published.sha256}. Get the file "
                "again; if it is a network of your own, give it another name with --name."
            )
    return None


def _by_any_converter(checkpoint: ForeignCheckpoint) -> tuple[Model, ConvertedWeights]:
    """The first model whose converter takes the checkpoint; WeightsError says why none does."""
    reasons = []
    for model in CATALOG:
        try:
            converted: ConvertedWeights = load_door(model.converter)(checkpoint)
        except WeightsError as error:
            reasons.append(str(error))
        else:
            return model, converted
    raise WeightsError(" ".join(reasons))
