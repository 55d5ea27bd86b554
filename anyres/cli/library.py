"""`anyres library`: the models and papers that questions are answered from where no brief comes with them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyres.cli.report import say
from anyres.core.errors import InputError

if TYPE_CHECKING:
    from anyres.advisor.source_library import Kind

app = typer.Typer(help="Models and papers that `anyres ask` answers from.", no_args_is_help=True)

Where = Annotated[
    Path | None, typer.Option("--library", metavar="FILE", help="The library's file; yours if not named.")
]


@app.command("import")
def import_(
    models: Annotated[
        Path | None,
        typer.Argument(
            help="JSON or CSV of models: name, category, detailed category, dataset, paper, GitHub, "
            "Hugging Face, summary; - for none. Alone, it may be JSON that holds both."
        ),
    ] = None,
    papers: Annotated[
        Path | None, typer.Argument(help="JSON or CSV of papers: title, link, GitHub, abstract; - for none.")
    ] = None,
    *,
    library: Where = None,
) -> None:
    """Add models and papers; one of a name that is there is replaced."""
    from anyres.advisor.source_library import Library, path_of_library

    named: list[tuple[Kind, Path | None]] = [("model", models), ("paper", papers)]
    files = [(kind, path) for kind, path in named if path is not None and str(path) != "-"]
    if not files:
        raise InputError("Nothing to import: name a file of models, of papers, or both.")
    with Library(library or path_of_library()) as opened:
        for kind, path in _of_both(files):
            done = opened.import_file(path, kind=kind)
            replaced = f", {done.replaced} replaced" if done.replaced else ""
            if not (done.added or done.replaced or done.skipped):
                say(f"{path} holds no {kind}s.", to_error=True)
                continue
            say(f"{path}: {done.added} {kind}s added{replaced}.")
            for reason in done.skipped[:20]:
                say(f"{path}: {reason} It is left out.", to_error=True)
            if len(done.skipped) > 20:
                say(f"{path}: {len(done.skipped) - 20} more entries are left out.", to_error=True)


def _of_both(files: "list[tuple[Kind, Path]]") -> "list[tuple[Kind, Path]]":
    """A file alone that holds models and papers is read for both."""
    from anyres.advisor.source_library import holds_both

    if len(files) == 1 and holds_both(files[0][1]):
        return [("model", files[0][1]), ("paper", files[0][1])]
    return files


@app.command("show")
def show(*, library: Where = None) -> None:
    """Say how many models and papers there are, and where they are kept."""
    from anyres.advisor.source_library import Library, path_of_library

    path = library or path_of_library()
    if not path.is_file():
        say(f"There is no library at {path} yet. Make one with `anyres library import`.")
        return
    with Library(path) as opened:
        say(f"{opened.count('model')} models and {opened.count('paper')} papers in {path}.")
