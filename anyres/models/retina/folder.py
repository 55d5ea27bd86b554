"""What a registration leaves in a folder: pictures, the transform for other programs, matches and a report.

A folder is made beside its place and put there whole. A registration that failed has no aligned picture, so
that nobody takes one for an alignment; `force` makes it all the same.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from anyres.core.errors import InputError, RunError
from anyres.core.files import write_image
from anyres.core.pillow import gif_bytes
from anyres.models.retina.exports import displacement_field, itk_affine, matches_csv, report
from anyres.models.retina.inference import Registered
from anyres.models.retina.pictures import FLICKER_SECONDS, checkerboard, difference, flicker, overlay
from anyres.models.retina.transform import Projective

REPORT: Final = "report.json"
MATCHES: Final = "matches.csv"
_PICTURES: Final = ("registered.png", "registered.tif", "overlay.png", "checkerboard.png", "difference.png")
FILES: Final = (REPORT, MATCHES, "flicker.gif", "transform.tfm", "displacement.mha", *_PICTURES)


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Raise InputError for a folder in which something of ours would be replaced without being told."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the results with -o.")
    there = [name for name in FILES if (folder / name).exists()]
    if there and not overwrite:
        raise InputError(
            f"{folder} holds results already ({', '.join(there)}). Name another folder with -o, or give "
            "--overwrite."
        )


def write_folder(
    registered: Registered,
    folder: Path,
    *,
    force: bool = False,
    overwrite: bool = False,
    about: Mapping[str, Any] | None = None,
) -> tuple[str, ...]:
    """Write all that a registration leaves, and take away what an earlier one left there.

    Args:
        registered: what came out.
        folder: made if missing.
        force: aligned pictures of a failed registration too.
        overwrite: replace results of before.
        about: what the report says of the inputs.

    Returns:
        Names of the files.

    Raises:
        InputError: if results would be replaced without `overwrite`, or the folder cannot be written to.
        RunError: if the disk is full.
    """
    check_folder(folder, overwrite=overwrite)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    except OSError as error:
        raise InputError(
            f"{folder} cannot be made ({error.strerror}). Name another folder with -o."
        ) from error
    try:
        _fill(part, registered, force=force, about=about or {})
        names = tuple(sorted(path.name for path in part.iterdir()))
        _put(part, folder, names)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise RunError(
            f"{folder} could not be written ({reason}). Free some space there, or name another folder."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return names


def _fill(part: Path, registered: Registered, *, force: bool, about: Mapping[str, Any]) -> None:
    text = json.dumps({**report(registered), **about}, indent=1, ensure_ascii=False) + "\n"
    (part / REPORT).write_text(text, encoding="utf-8")
    (part / MATCHES).write_text(matches_csv(registered), encoding="utf-8")
    transform, laid = registered.result.transform, registered.laid
    if transform is None or laid is None or (registered.result.status == "failed" and not force):
        return
    suffix = ".tif" if laid.encoding.depth == 32 else ".png"
    write_image(laid, part / f"registered{suffix}")
    fixed = registered.fixed
    write_image(overlay(fixed, laid), part / "overlay.png")
    write_image(checkerboard(fixed, laid), part / "checkerboard.png")
    write_image(difference(fixed, laid), part / "difference.png")
    (part / "flicker.gif").write_bytes(gif_bytes(flicker(fixed, laid), seconds=FLICKER_SECONDS))
    if isinstance(transform, Projective) and transform.kind == "affine":
        (part / "transform.tfm").write_text(itk_affine(transform), encoding="ascii")
    else:
        field = displacement_field(transform, fixed.size_hw)
        (part / "displacement.mha").write_bytes(field)


def _put(part: Path, folder: Path, names: tuple[str, ...]) -> None:
    """The new files in their place, the report last; what an earlier registration left is taken away."""
    folder.mkdir(exist_ok=True)
    for name in FILES:
        if name not in names:
            (folder / name).unlink(missing_ok=True)
    for name in sorted(names, key=lambda one: one == REPORT):
        (part / name).replace(folder / name)
