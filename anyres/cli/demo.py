"""`anyres demo`: see on one photograph what the product does, in pictures and in words."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from jaxtyping import Float32

from anyres.cli.report import say
from anyres.core.errors import InputError
from anyres.core.files import read_image, write_image
from anyres.core.image import Image
from anyres.core.pixels import psnr
from anyres.core.resample import Kernel, resize
from anyres.core.sheet import Panel, draw_sheet
from anyres.core.sizes import parse_scale, size_text
from anyres.models.catalog import find_weights
from anyres.operations.upscale import DEFAULT_MODEL, upscale

app = typer.Typer(
    help="See on one photograph what a model does, in pictures and in words.", no_args_is_help=True
)

DETAIL = 360  # width of a panel of the sheet, pixels
LARGEST_SCALE = 8.0  # of the demonstration: its sheet shows a detail of DETAIL / scale pixels

Pixels = Float32[np.ndarray, "h w 3"]


@app.callback()
def _group() -> None:
    pass


@app.command("upscale")
def show_upscale(
    photo: Annotated[
        str | None, typer.Argument(help="A photograph; a face that scikit-image carries if not named.")
    ] = None,
    *,
    scale: Annotated[str, typer.Option(help="Factor, whole or not.")] = "2",
    model: Annotated[str, typer.Option(help="Weights to use.")] = DEFAULT_MODEL,
    output: Annotated[
        str, typer.Option("--output", "-o", help="Folder of the results; made anew each time.")
    ] = "out",
) -> None:
    """Enlarge a photograph, and test the model on it: shrink it, enlarge that, compare with the truth."""
    factor = parse_scale(scale)
    if not isinstance(factor, float) or not 1 < factor <= LARGEST_SCALE:
        raise InputError(
            f"The demonstration takes one factor above 1 and up to {LARGEST_SCALE:g}; this one is {scale!r}. "
            "`anyres upscale` takes any."
        )
    name, image = _photograph(photo)
    folder = _made_folder(Path(output))
    started = time.perf_counter()
    enlarged = upscale(image, scale=factor, model=model)
    seconds = time.perf_counter() - started
    result = folder / f"{name}.x{factor:g}.png"
    write_image(enlarged, result, overwrite=True)

    shrunk = _shrunk(image, factor)
    rebuilt = {
        "nearest": _resized(shrunk, image.size_hw, "nearest"),
        "bicubic": _resized(shrunk, image.size_hw, "cubic"),
        model: upscale(shrunk, size=image.size_hw, fit="stretch", model=model).pixels,
    }
    figures = {way: psnr(pixels, image.pixels) for way, pixels in rebuilt.items()}
    sheet = folder / f"{name}.x{factor:g}.sheet.png"
    write_image(_sheet(image, enlarged, rebuilt, figures, factor, model), sheet, overwrite=True)
    back = np.clip(resize(enlarged.pixels, image.size_hw), 0, 1)
    for line in _story(image, enlarged, model, seconds, psnr(back, image.pixels), figures, factor):
        say(line)
    say(f"Result:  {result}")
    say(f"Sheet:   {sheet}")


@app.command("ask")
def show_ask(
    photo: Annotated[
        str | None, typer.Argument(help="A photograph; a face that scikit-image carries if not named.")
    ] = None,
    *,
    scale: Annotated[str, typer.Option(help="Factor that the question names.")] = "2",
    language: Annotated[str | None, typer.Option(metavar="en|ko", help="Of the answer.")] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", help="Folder of the result; made anew each time.")
    ] = "out",
) -> None:
    """Ask how a photograph is enlarged so naturally, run what the answer proposes, and print the answer."""
    from anyres.advisor.ask import answer_of
    from anyres.advisor.brief import example_brief
    from anyres.advisor.render import rendered
    from anyres.advisor.run_here import with_run

    factor = parse_scale(scale)
    if not isinstance(factor, float):
        raise InputError(f"The question names one factor; {scale!r} was given.")
    if language not in (None, "en", "ko"):
        raise InputError(f"An answer is in en or ko; {language!r} was asked for.")
    folder = _made_folder(Path(output))
    name, image = _photograph(photo)
    path = Path(photo) if photo is not None else folder / f"{name}.png"
    if photo is None:
        write_image(image, path, overwrite=True)
    brief = example_brief()
    asked = replace(brief, question=brief.question.replace("2x", f"{factor:g}x"))
    answer = answer_of(asked, language=language)  # type: ignore[arg-type]
    say(f"Question: {asked.question}")
    say("")
    say(
        rendered(with_run(answer, path, folder / f"{name}.x{factor:g}.png", overwrite=True), "text").rstrip(
            "\n"
        )
    )


def _made_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be made: {error.strerror}. Choose another one with -o."
        ) from error
    return folder


def _photograph(path: str | None) -> tuple[str, Image]:
    if path is not None:
        return Path(path).stem, read_image(path)
    try:
        from skimage.data import astronaut
    except ImportError as error:
        raise InputError(
            "The photograph of the demonstration comes with scikit-image, which is not installed. "
            "Name one of your own, or: pip install 'anyres[demo]'."
        ) from error
    return "astronaut", Image.from_numpy(astronaut())


def _shrunk(image: Image, factor: float) -> Image:
    """The photograph as a small one of 8 bits would have been."""
    size_hw = max(1, round(image.height / factor)), max(1, round(image.width / factor))
    small = np.clip(np.rint(resize(image.pixels, size_hw) * 255), 0, 255) / 255
    return Image(small.astype(np.float32))


def _resized(image: Image, size_hw: tuple[int, int], kernel: Kernel) -> Pixels:
    return np.asarray(np.clip(resize(image.pixels, size_hw, kernel=kernel), 0, 1))


def _sheet(
    image: Image,
    enlarged: Image,
    rebuilt: dict[str, Pixels],
    figures: dict[str, float],
    factor: float,
    model: str,
) -> Image:
    """Two rows of one detail: the photograph enlarged, and the test where the truth is known."""
    side = max(8, round(DETAIL / factor / 2))  # input pixels, shown twice as large as the enlargement
    top, left = _busiest(image.pixels, side)
    size_hw = enlarged.size_hw
    ways = {
        "nearest": _resized(image, size_hw, "nearest"),
        "bicubic": _resized(image, size_hw, "cubic"),
        model: enlarged.pixels,
    }
    first = [Panel(way, _detail(pixels, (top, left), side, factor)) for way, pixels in ways.items()]
    side = max(8, round(DETAIL / 4))
    top, left = _busiest(image.pixels, side)
    second = [
        Panel(f"{way} {figures[way]:.2f} dB", _detail(pixels, (top, left), side, 1.0))
        for way, pixels in rebuilt.items()
    ]
    second.append(Panel("the truth", _detail(image.pixels, (top, left), side, 1.0)))
    titles = (
        f"The photograph ({size_text(image.size_hw)}) enlarged x{factor:g}: a detail",
        f"Test: the photograph shrunk by {factor:g}, then enlarged back; PSNR over all of it",
    )
    return draw_sheet([first, second], titles=titles)


def _busiest(pixels: Pixels, side: int) -> tuple[int, int]:
    """The corner of the square window with the strongest edges, which is where enlargements differ."""
    grey = pixels.mean(axis=-1)
    edges = np.abs(np.diff(grey, axis=0, append=grey[-1:])) + np.abs(
        np.diff(grey, axis=1, append=grey[:, -1:])
    )
    total = np.pad(edges.cumsum(0, np.float64).cumsum(1), ((1, 0), (1, 0)))
    height, width = (min(side, length) for length in grey.shape)
    sums = (
        total[height:, width:] - total[:-height, width:] - total[height:, :-width] + total[:-height, :-width]
    )
    top, left = np.unravel_index(int(sums.argmax()), sums.shape)
    return int(top), int(left)


def _detail(
    pixels: Pixels, corner: tuple[int, int], side: int, factor: float
) -> Float32[np.ndarray, "y x 3"]:
    """A window of the input, cut out of an enlargement by `factor` and repeated up to the panel's width."""
    top, left, length = round(corner[0] * factor), round(corner[1] * factor), round(side * factor)
    cut = pixels[top : top + length, left : left + length]
    repeat = max(1, DETAIL // max(cut.shape[:2]))
    return np.repeat(np.repeat(cut, repeat, axis=0), repeat, axis=1)


def _story(
    image: Image,
    enlarged: Image,
    model: str,
    seconds: float,
    consistency: float,
    figures: dict[str, float],
    factor: float,
) -> list[str]:
    """What was done, in words: the task, the chain, the links and this run's figures."""
    weights: Any = find_weights(model)
    row = weights.model
    gain = figures[model] - figures["bicubic"]
    return [
        f"Task:    {row.task} (single-image super-resolution), here x{factor:g}.",
        f"Chain:   photograph {size_text(image.size_hw)} -> {model} ({row.id}) -> "
        f"picture {size_text(enlarged.size_hw)}.",
        f"Paper:   {row.paper}",
        f"Code:    {row.code} (the authors'); what ran here is anyres's own.",
        f"Time:    {seconds:.1f} s, model and all.",
        f"Check:   shrunk back, the result agrees with your photograph to {consistency:.1f} dB.",
        f"Test:    shrunk by {factor:g} and enlarged again: bicubic {figures['bicubic']:.2f} dB, "
        f"{model} {figures[model]:.2f} dB ({gain:+.2f}), against the photograph itself.",
        "Limits:  detail is inferred from what the training pictures had; nothing is invented on purpose, "
        "and what the small picture lost is not proven by the large one.",
    ]
