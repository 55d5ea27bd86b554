"""`anyres replay`: run what a picture's record says again, and compare."""

from pathlib import Path
from typing import Annotated

import typer

from anyres.cli.options import MaxMegabytes, MaxMegapixels
from anyres.cli.report import say
from anyres.core.errors import InputError
from anyres.core.files import Limits
from anyres.core.sizes import size_text
from anyres.workflow.folder import found_pictures
from anyres.workflow.provenance import Record, read_record

NOT_TO_BE_TRUSTED = 4  # exit code: done, and the pictures are not the same
_LIMITS = Limits()


def replay(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="What anyres made.")],
    *,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            "-i",
            metavar="NAME=PATH",
            help="A file that it was made from; once for each. PATH alone where there was one input.",
        ),
    ] = None,
    is_any_input: Annotated[
        bool, typer.Option("--any-input", help="Take files that are not those it was made from, too.")
    ] = False,
    max_megapixels: MaxMegapixels = _LIMITS.max_megapixels,
    max_megabytes: MaxMegabytes = _LIMITS.max_megabytes,
) -> None:
    """Make a picture again from its record, and say the largest difference of a pixel.

    Ends with 0 where every pixel is the same, with 4 where one is not.
    """
    from anyres.workflow.replay import replay as run_again

    limits = Limits(max_megapixels, max_megabytes)
    record = read_record(picture, limits=limits)
    again = run_again(picture, files_by_input(record, inputs or []), is_any_input=is_any_input, limits=limits)
    for notice in again.notices:
        say(f"{picture}: {notice}", to_error=True)
    size, steps = size_text(again.size_hw), 255 if again.bits == 8 else 65_535
    if again.matches:
        say(f"{picture}: every pixel of {size} is the same. Largest difference 0 of {steps}.")
        return
    if again.largest_difference is None:
        said = f"the sizes differ: {size}, and {size_text(again.fresh_size_hw)} again"
    else:
        said = f"{again.differing_pixels} pixels differ, by {again.largest_difference} of {steps} at most"
    say(f"{picture}: {said}.")
    raise typer.Exit(NOT_TO_BE_TRUSTED)


def files_by_input(record: Record, given: list[str]) -> dict[str, Path | tuple[Path, ...]]:
    """Files by the inputs of a record, from texts as "photo=a.jpg", or a path alone for a single input.

    Raises:
        InputError: A name that is no input; says what there is.
    """
    found: dict[str, list[Path]] = {}
    for text in given:
        name, separator, path = text.partition("=")
        if separator and name in record.inputs:
            found.setdefault(name, []).append(Path(path))
        elif len(record.inputs) == 1 and (not separator or Path(text).exists()):
            found.setdefault(next(iter(record.inputs)), []).append(Path(text))
        else:
            known = ", ".join(record.inputs) or "nothing"
            raise InputError(f"--input is NAME=PATH; {text!r} was given. The picture was made from {known}.")
    files: dict[str, Path | tuple[Path, ...]] = {}
    for name, paths in found.items():
        all_paths = tuple(Path(str(one.place)) for one in found_pictures(paths, None)[0])
        is_list = not isinstance(record.inputs[name], str)
        if not is_list and len(all_paths) != 1:
            raise InputError(f"{name} was one picture; {len(all_paths)} were given.")
        files[name] = all_paths if is_list else all_paths[0]
    return files
