"""Options of the command line from declared parameters: one option each, named and explained alike.

Every value goes as text to the declaration, which alone says what it may be; what is not given is not
passed on. So no default, range or type is stated here, and none can differ.
"""

import inspect
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from pydantic import BaseModel

MaxMegapixels = Annotated[
    float, typer.Option(min=0, help="Largest picture that is read, in millions of pixels.")
]
MaxMegabytes = Annotated[float, typer.Option(min=0, help="Largest file that is read, in millions of bytes.")]


def options_of(parameters: type[BaseModel]) -> list[inspect.Parameter]:
    """Keyword-only arguments with typer's options, one for each parameter; None where it is not given."""
    properties = parameters.model_json_schema()["properties"]
    return [_option(name, properties[name]) for name in parameters.model_fields]


def given(values: Mapping[str, object]) -> dict[str, object]:
    """Those that were given on the command line."""
    return {name: value for name, value in values.items() if value is not None}


def option_name(parameter: str) -> str:
    """How a parameter is called on the command line: "--max-side"."""
    return "--" + parameter.replace("_", "-")


def unwrapped(docstring: str) -> str:
    """A docstring with each paragraph on one line, to be broken by the width of the terminal."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in docstring.split("\n\n"))


def _option(name: str, schema: Mapping[str, Any]) -> inspect.Parameter:
    is_switch = schema.get("type") == "boolean"
    told = [schema["description"]] if "description" in schema else []
    if schema.get("default") is not None:
        told.append(f"Default: {schema['default']}.")
    option = typer.Option(
        option_name(name) + (f"/--no-{name.replace('_', '-')}" if is_switch else ""),
        help=" ".join(told),
        metavar=None if is_switch else _metavar(schema),
        show_default=False,  # typer's own, which knows only that nothing was given
    )
    kind = bool if is_switch else str
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _metavar(schema: Mapping[str, Any]) -> str:
    """What stands for the value in the help: the choices, or what kind of thing it is."""
    if "enum" in schema:
        return "|".join(str(choice) for choice in schema["enum"])
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    named = [str(kind["format"]) for kind in kinds if "format" in kind]
    return (named or [str(kinds[0].get("type", "text"))])[0].upper().replace(" ", "")
