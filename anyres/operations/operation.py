"""An operation: what a person can do, declared once as a typed function, for every door alike.

    @operation(version="1.0.0", size=enlarged)
    def upscale(image: Image, *, scale: ScaleParameter | None = None) -> Rows:

The signature says all: positional arguments are the ports, values of `core/` that flow in; keyword-only
arguments are the parameters, each with its type, range, default and meaning; what is returned flows out.
`progress` is reserved: no parameter, but a function that is told how far the work is, from 0 to 1. A
function that makes a big picture returns `Rows`; called as a function the operation gives the `Image`, and
`stream` gives the rows as they come.

Rules are pure functions that take the parameters they name, keyword-only: `size` the size of the result
from the sizes of the ports, `label` the part of a file name that says what was done, `weights` the sha256
of the weights that run. Command, route, node, form and vocabulary are generated from `ports`, `parameters`
and `summary`; nothing else is.
"""

import functools
import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    Generic,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    get_type_hints,
    overload,
    runtime_checkable,
)

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from anyres.core.budget import MEMORY_SHARE, bytes_per_pixel_in_memory, check_fits, memory_as_limit
from anyres.core.errors import InputError
from anyres.core.image import Image, Rows
from anyres.core.sizes import SizeHW

P = ParamSpec("P")
R = TypeVar("R")
Progress = Callable[[float], None]
PROGRESS = "progress"


class Operation(Generic[P, R]):
    """A declared operation; call it as the function that it was, with validated parameters."""

    def __init__(
        self,
        function: Callable[P, object],
        *,
        version: str,
        size: Callable[..., SizeHW],
        label: Callable[..., str] | None,
        weights: Callable[..., Sequence[str]] | None,
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.name = function.__name__
        self.version = version
        self.description = inspect.getdoc(function) or ""
        self.ports, self.parameters, self.output = declared_by(function)
        self._size, self._label, self._weights = size, label, weights
        for rule in (size, label, weights):
            _assert_names_parameters(rule, self)

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return self.description.partition("\n")[0]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The result, whole in memory; a picture that does not fit there is refused before the work begins.

        Raises InputError for a port of another kind or a parameter out of its range, LimitError for a result
        too large for the memory.
        """
        inputs, parameters, _ = self._sorted(*args, **kwargs)
        images = [value for value in inputs.values() if isinstance(value, Image)]
        if images and self.output is Rows:
            from anyres.core.device import free_memory_bytes  # loads torch, which --help does without

            check_fits(
                images[0].size_hw,
                self.output_size_hw([image.size_hw for image in images], parameters),
                bytes_per_pixel=bytes_per_pixel_in_memory(has_alpha=images[0].alpha is not None),
                free_bytes=int(MEMORY_SHARE * free_memory_bytes()),
                place="memory",
            )
        with memory_as_limit(operation=self.name):
            result = self.stream(*args, **kwargs)
            return cast("R", result.collect() if isinstance(result, Rows) else result)

    def stream(self, *args: P.args, **kwargs: P.kwargs) -> object:
        """The result as the function gives it: a big picture as `Rows`, to be written as they come.

        Raises InputError for a port of another kind or a parameter out of its range.
        """
        inputs, parameters, reserved = self._sorted(*args, **kwargs)
        values = {name: getattr(parameters, name) for name in type(parameters).model_fields}
        function: Callable[..., object] = self.function
        return function(**inputs, **values, **reserved)

    def check_parameters(self, given: Mapping[str, object]) -> BaseModel:
        """The parameters, validated and with their defaults; InputError says what is wrong with one."""
        return checked(self.name, self.parameters, given)

    def output_size_hw(self, sizes_hw: Sequence[SizeHW], parameters: BaseModel) -> SizeHW:
        """(height, width) in pixels of the result, from those of the ports; nothing is run."""
        return self._size(*sizes_hw, **_named_by(self._size, parameters))

    def label(self, output_hw: SizeHW, parameters: BaseModel) -> str:
        """What was done, as a part of a file name: "x2", "1200x800"."""
        return self._label(output_hw, **_named_by(self._label, parameters)) if self._label else self.name

    def weights_sha256(self, parameters: BaseModel) -> list[str]:
        """sha256 of each weights file that these parameters name; InputError if one is not there."""
        return list(self._weights(**_named_by(self._weights, parameters))) if self._weights else []

    def canonical(self, parameters: BaseModel) -> str:
        """Name, version and all parameters as one text: equal work has equal text."""
        return json.dumps([self.name, self.version, parameters.model_dump(mode="json")], sort_keys=True)

    def _sorted(
        self, *args: object, **kwargs: object
    ) -> tuple[dict[str, object], BaseModel, dict[str, object]]:
        """Values of the ports, the parameters, and `progress` where it is given and taken."""
        inputs = dict(zip(self.ports, args, strict=False)) | {
            name: value for name, value in kwargs.items() if name in self.ports
        }
        if len(args) > len(self.ports) or inputs.keys() != self.ports.keys():
            raise InputError(f"{self.name} takes {', '.join(self.ports)}; {len(inputs)} values were given.")
        for name, value in inputs.items():
            self._refuse_other_kind(name, value)
        given = {name: value for name, value in kwargs.items() if name not in (*self.ports, PROGRESS)}
        takes_progress = PROGRESS in inspect.signature(self.function).parameters
        reserved = {PROGRESS: kwargs[PROGRESS]} if takes_progress and PROGRESS in kwargs else {}
        return inputs, self.check_parameters(given), reserved

    def _refuse_other_kind(self, port: str, value: object) -> None:
        kind = self.ports[port]
        if not isinstance(kind, type) or isinstance(value, kind):
            return
        way_out = " Use Image.open(...) or Image.from_numpy(...)." if kind is Image else ""
        raise InputError(
            f"{self.name} takes {_a(kind.__name__)} as {port}; {_a(type(value).__name__)} was given.{way_out}"
        )


OPERATIONS: dict[str, Operation[..., Any]] = {}


@runtime_checkable
class Declaration(Protocol):
    """What `@operation(...)` is: it turns a function into an operation, rows into a picture."""

    @overload
    def __call__(self, function: Callable[P, Rows]) -> Operation[P, Image]: ...
    @overload
    def __call__(self, function: Callable[P, R]) -> Operation[P, R]: ...


def operation(
    *,
    version: str,
    size: Callable[..., SizeHW],
    label: Callable[..., str] | None = None,
    weights: Callable[..., Sequence[str]] | None = None,
) -> Declaration:
    """Declare an operation and list it in `OPERATIONS` under the function's name.

    Args:
        version: Of what it computes. A change of results changes it, and with it the hash of every item.
        size: Rule for (height, width) of the result, from those of the ports, in their order.
        label: Rule for the part of a file name, from the result's (height, width); else the operation's name.
        weights: Rule for the sha256 of the weights that run.
    """

    def declare(function: Callable[P, Any]) -> Operation[P, Any]:
        declared: Operation[P, Any] = Operation(
            function, version=version, size=size, label=label, weights=weights
        )
        assert declared.name not in OPERATIONS, f"two operations are called {declared.name}"
        OPERATIONS[declared.name] = declared
        return declared

    return declare


def every_operation() -> Mapping[str, Operation[..., Any]]:
    """All operations by name: each file of this folder that declares one."""
    package = importlib.import_module("anyres.operations")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"anyres.operations.{module.name}")
    return OPERATIONS


def declared_by(function: Callable[..., object]) -> tuple[dict[str, Any], type[BaseModel], Any]:
    """Ports, parameters and output that a function's signature declares."""
    hints = get_type_hints(function, include_extras=True)
    ports: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for name, argument in inspect.signature(function).parameters.items():
        if argument.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
            ports[name] = hints[name]
        elif name != PROGRESS:
            assert argument.kind is inspect.Parameter.KEYWORD_ONLY, (
                f"{name}: *args and **kwargs declare nothing"
            )
            default = ... if argument.default is argument.empty else argument.default
            fields[name] = (_described(hints[name]), default)
    config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    title = "".join(word.capitalize() for word in function.__name__.split("_"))
    return ports, create_model(f"{title}Parameters", __config__=config, **fields), hints["return"]


def _described(hint: Any) -> Any:
    """A type whose text in `Annotated` is its description: recipes say it so, to load without pydantic."""
    texts = [one for one in getattr(hint, "__metadata__", ()) if isinstance(one, str)]
    return Annotated[hint, Field(description=texts[0])] if texts else hint


def checked(name: str, parameters: type[BaseModel], given: Mapping[str, object]) -> BaseModel:
    """What was given to `name`, validated as declared; InputError says what is wrong with one."""
    try:
        return parameters.model_validate(dict(given))
    except ValidationError as refusal:
        error = refusal.errors()[0]
        parameter = str(error["loc"][0]) if error["loc"] else name
        if error["type"] == "extra_forbidden":
            known = ", ".join(parameters.model_fields)
            raise InputError(f"{name} has no parameter {parameter}; it has {known}.") from None
        message = error["msg"].removeprefix("Input ")
        raise InputError(f"{parameter} {message}; {error['input']!r} was given.") from None


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOUaeiou' else 'a'} {noun}"


def _assert_names_parameters(rule: Callable[..., object] | None, declared: "Operation[..., Any]") -> None:
    for name in _keywords(rule) if rule else ():
        assert name in declared.parameters.model_fields, (
            f"a rule of {declared.name} names {name}, no parameter"
        )


def _keywords(rule: Callable[..., object]) -> list[str]:
    arguments = inspect.signature(rule).parameters.values()
    return [argument.name for argument in arguments if argument.kind is inspect.Parameter.KEYWORD_ONLY]


def _named_by(rule: Callable[..., object], parameters: BaseModel) -> dict[str, Any]:
    return {name: getattr(parameters, name) for name in _keywords(rule)}
