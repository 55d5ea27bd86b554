"""`anyres`: the command line. It starts without torch; a command loads what it needs when it runs."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from anyres.cli import demo, library, models, weights, workflow
from anyres.cli.ask import ask
from anyres.cli.operations import command_of
from anyres.cli.register import register
from anyres.cli.replay import replay
from anyres.cli.report import say
from anyres.cli.studio import studio
from anyres.core.errors import AnyresError
from anyres.operations.operation import every_operation

app = typer.Typer(
    name="anyres",
    help="Vision at any resolution: enlarge a photograph to any size, faithfully.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _operation in every_operation().values():
    if _operation.is_of_files:
        app.command(_operation.name.replace("_", "-"))(command_of(_operation))
app.command("register")(register)
app.command("ask")(ask)
app.add_typer(library.app, name="library")
app.add_typer(workflow.app, name="workflow")
app.command("replay")(replay)
app.command("studio")(studio)
app.add_typer(models.train, name="train")
app.add_typer(models.evaluate, name="evaluate")
app.add_typer(weights.app, name="weights")
app.add_typer(demo.app, name="demo")


def main() -> None:
    """Run the command line on this process's arguments and leave with its exit code."""
    try:
        app()
    except AnyresError as error:
        say(f"anyres: {error}", to_error=True)
        sys.exit(error.exit_code)


def _say_version(is_asked: bool) -> bool:
    if is_asked:
        say(f"anyres {version('anyres')}")
        raise typer.Exit
    return is_asked


@app.callback()
def _every_command(
    *,
    is_version_asked: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version and leave."),
    ] = False,
) -> None:
    pass
