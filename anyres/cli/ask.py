"""`anyres ask`: a question and the sources that may answer it, to an answer and, if wanted, to a result."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyres.advisor.formats import FORMATS
from anyres.cli.options import MaxMegabytes, MaxMegapixels
from anyres.cli.report import bar, say
from anyres.core.errors import InputError
from anyres.core.files import Limits

if TYPE_CHECKING:
    from anyres.advisor.answer import Answer
    from anyres.advisor.brief import Brief

_LIMITS = Limits()
STANDARD_INPUT = "-"

BriefFile = Annotated[
    str | None,
    typer.Option(
        "--brief",
        "-b",
        metavar="FILE",
        help="Question, recommended models and related papers, as text or JSON; - reads standard input.",
    ),
]
Language = Annotated[
    str | None, typer.Option(metavar="en|ko", help="Of the answer; that of the question if not named.")
]


Asked = Annotated[
    str | None, typer.Argument(help="What you want to do or know; a brief may hold it instead.")
]
Texts = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Texts of the provided papers: PDF, HTML, text.")
]
LibraryFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Library to answer from where there is no brief; yours if not named."),
]
Picture = Annotated[
    Path | None, typer.Option("--image", "-i", metavar="PHOTO", help="The picture that you ask about.")
]
ResultFile = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Result of --run.")]
Form = Annotated[
    str, typer.Option("--format", "-f", metavar="|".join(FORMATS), help="How the answer is written.")
]
Prose = Annotated[
    bool,
    typer.Option(
        "--prose", help="Let the language model at $ANYRES_LLM_URL word it; each sentence is checked."
    ),
]


def ask(
    question: Asked = None,
    *,
    brief: BriefFile = None,
    sources: Texts = None,
    library: LibraryFile = None,
    image: Picture = None,
    is_run: Annotated[bool, typer.Option("--run", help="Run the proposed workflow on the picture.")] = False,
    output: ResultFile = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a result that is there.")] = False,
    form: Form = FORMATS[0],
    language: Language = None,
    is_prose: Prose = False,
    max_megapixels: MaxMegapixels = _LIMITS.max_megapixels,
    max_megabytes: MaxMegabytes = _LIMITS.max_megabytes,
) -> None:
    """Answer a question about a task with pictures, from given models and papers only.

    The answer has three parts: the task; the workflow, input -> model -> output; the papers and tools with
    their links. Every sentence names the source that it rests on. Without a brief the library is asked, and
    without a library what comes with anyres.
    """
    from anyres.advisor.ask import ask as advice
    from anyres.advisor.render import rendered

    _check_form(form, language)
    if library is not None and brief is not None:
        raise InputError("A brief brings its own sources: leave --library out, or --brief.")
    _check_run(image, is_run=is_run, has_result=output is not None or overwrite)
    answer = advice(
        question,
        brief=_brief(brief),
        sources=sources,
        library=library,
        language=language,  # type: ignore[arg-type]
    )
    if is_prose:
        from anyres.advisor.language_model import endpoint_of_environment, with_prose

        answer = with_prose(answer, endpoint_of_environment())
    if image is not None:
        limits = Limits(max_megapixels, max_megabytes)
        answer = _with_picture(answer, image, output, is_run=is_run, overwrite=overwrite, limits=limits)
    say(rendered(answer, form).rstrip("\n"))


def _check_form(form: str, language: str | None) -> None:
    """InputError for a form or a language that no answer has."""
    if form not in FORMATS:
        raise InputError(f"An answer is {', '.join(FORMATS)}; {form!r} was asked for.")
    if language not in (None, "en", "ko"):
        raise InputError(f"An answer is in en or ko; {language!r} was asked for.")


def _check_run(image: Path | None, *, is_run: bool, has_result: bool) -> None:
    """InputError where a run lacks its picture, or a result is named and nothing is run."""
    if is_run and image is None:
        raise InputError("--run needs a picture: name it with --image PHOTO.")
    if has_result and not is_run:
        raise InputError("--output and --overwrite are of a result, and nothing is run: add --run.")


def _brief(brief: str | None) -> "Brief | Path | None":
    """The brief of standard input, or the path of a file."""
    from anyres.advisor.brief import MAX_BYTES, read_brief

    if brief == STANDARD_INPUT:
        return read_brief(sys.stdin.buffer.read(MAX_BYTES + 1))
    return None if brief is None else Path(brief)


def _with_picture(
    answer: "Answer", image: Path, output: Path | None, *, is_run: bool, overwrite: bool, limits: Limits
) -> "Answer":
    from anyres.advisor.run_here import result_path, with_forecast, with_run

    if answer.document is None and not is_run:
        return answer
    if not is_run:
        return with_forecast(answer, image, limits=limits)
    place = output or result_path(answer, image)
    with bar() as shown:
        return with_run(
            answer,
            image,
            place,
            overwrite=overwrite,
            limits=limits,
            on_event=shown.take,
            on_progress=shown.advance,
        )
