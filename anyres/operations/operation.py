"""An operation: what a person can do, declared once as a typed function, for every door alike.

    @operation(version="1.0.0", size=enlarged)
    def upscale(image: Image, *, scale: ScaleParameter | None = None) -> Rows:

The signature says all: positional arguments are the ports, values of `core/` that flow in (`Image`,
`tuple[Image, ...]` for one or more, `ContinuousImage`, `PictureFile`, `Alignment`); keyword-only arguments
are the parameters, each with its type, range, default and meaning; what is returned flows out (one of these,
or a `Report`).
`progress` is reserved: no parameter, but a function that is told how far the work is, from 0 to 1. A
function that makes a big picture returns `Rows`; called as a function the operation gives the `Image`, and
`stream` gives the rows as they come.

Rules are pure functions that take the parameters they name, keyword-only: `size` the size of the result
from the sizes of the ports (a tuple of sizes for a list port; a report has none), `label` the part of a
file name that says what was done, `weights` the sha256 of the weights that run. Command, route, node, form
and vocabulary are generated from `ports`, `parameters` and `summary`; nothing else is.
"""

import functools
import importlib
import inspect
import json
import pkgutil
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    overload,
    runtime_checkable,
)

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from anyres.core.alignment import Alignment
from anyres.core.budget import MEMORY_SHARE, bytes_per_pixel_in_memory, check_fits, memory_as_limit
from anyres.core.errors import InputError
from anyres.core.image import Image, Rows
from anyres.core.results import ContinuousImage, PictureFile, Report
from anyres.core.sizes import SizeHW
from anyres.operations.source import code_sha256

P = ParamSpec("P")
R = TypeVar("R")
Progress = Callable[[float], None]
PROGRESS = "progress"
PortSize = SizeHW | tuple[SizeHW, ...]  # the latter for a list port
Kind = Literal["Image", "ContinuousImage", "PictureFile", "Alignment", "Report"]

_KINDS: dict[type, Kind] = {
    Image: "Image",
    Rows: "Image",
    ContinuousImage: "ContinuousImage",
    PictureFile: "PictureFile",
    Alignment: "Alignment",
    Report: "Report",
}


@dataclass(frozen=True)
class PortType:
    """What flows through a port or an output: values of a kind, one, or a list of one or more."""

    kind: Kind
    is_list: bool = False

    def __str__(self) -> str:
        return f"list[{self.kind}]" if self.is_list else self.kind

    @classmethod
    def of(cls, hint: Any) -> "PortType":
        """The type that an argument's type hint declares."""
        is_list = get_origin(hint) is tuple
        kind = _KINDS.get(get_args(hint)[0] if is_list else hint)
        assert kind is not None, f"{hint} is no kind of value that flows between operations"
        return cls(kind, is_list)


class Operation(Generic[P, R]):
    """A declared operation; call it as the function that it was, with validated parameters."""

    def __init__(
        self,
        function: Callable[P, object],
        *,
        version: str,
        size: Callable[..., SizeHW] | None,
        label: Callable[..., str] | None,
        weights: Callable[..., Sequence[str]] | None,
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.name = function.__name__
        self.version = version
        self.description = inspect.getdoc(function) or ""
        self.ports, self.parameters, self.output = declared_by(function)
        self.port_types = {port: PortType.of(hint) for port, hint in self.ports.items()}
        self.output_type = PortType.of(self.output)
        assert (size is None) == (self.output is Report), (
            f"{self.name}: a report, and nothing else, has no size"
        )
        self._takes_progress = PROGRESS in inspect.signature(function).parameters
        self._size, self._label, self._weights = size, label, weights
        for rule in (size, label, weights):
            _assert_names_parameters(rule, self)

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return self.description.partition("\n")[0]

    @property
    def uses_network(self) -> bool:
        """Whether it runs a network, which takes all processors by itself."""
        return self._weights is not None

    @property
    def is_of_files(self) -> bool:
        """Whether it takes pictures alone, told apart by their order, and gives one or a report.

        Then files are enough for it: it has a command and a route.
        """
        types = [*self.port_types.values()]
        is_of_pictures = all(type_.kind == "Image" for type_ in types)
        is_told_apart = len(types) == 1 or not any(type_.is_list for type_ in types)
        return is_of_pictures and is_told_apart and self.output_type.kind in ("Image", "Report")

    @functools.cached_property
    def code_sha256(self) -> str:
        """sha256 of the source that its results can depend on; read once a process."""
        return code_sha256(self.function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The result, whole in memory; a picture that does not fit there is refused before the work begins.

        Raises InputError for a port of another kind or a parameter out of its range, LimitError for a result
        too large for the memory.
        """
        inputs, parameters, _ = self._sorted(*args, **kwargs)
        if self.output is Rows:
            self._refuse_too_large(list(inputs.values()), parameters)
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

    def output_size_hw(self, sizes_hw: Sequence[PortSize], parameters: BaseModel) -> SizeHW | None:
        """(height, width) in pixels of the result, from those of the ports, a tuple of them for a list port.

        Nothing is run. None for a report. Raises InputError where such pictures do not go together.
        """
        return None if self._size is None else self._size(*sizes_hw, **_named_by(self._size, parameters))

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
        inputs = {name: self._of_its_kind(name, value) for name, value in inputs.items()}
        given = {name: value for name, value in kwargs.items() if name not in (*self.ports, PROGRESS)}
        reserved = {PROGRESS: kwargs[PROGRESS]} if self._takes_progress and PROGRESS in kwargs else {}
        return inputs, self.check_parameters(given), reserved

    def _of_its_kind(self, port: str, value: object) -> object:
        """The value of a port, a list as a tuple; InputError for one of another kind."""
        kind, is_list = self.ports[port], self.port_types[port].is_list
        if is_list:
            kind = get_args(kind)[0]
            if isinstance(value, list | tuple):
                if not value:
                    raise InputError(
                        f"{self.name} takes one {kind.__name__} or more as {port}; none was given."
                    )
                for one in value:
                    self._refuse_other_kind(port, kind, one)
                return tuple(value)
            way_out = " Put it in a list." if isinstance(value, kind) else ""
            raise InputError(
                f"{self.name} takes a list of {kind.__name__} as {port}; {_a(type(value).__name__)} was "
                f"given.{way_out}"
            )
        self._refuse_other_kind(port, kind, value)
        return value

    def _refuse_other_kind(self, port: str, kind: type, value: object) -> None:
        if isinstance(value, kind):
            return
        way_out = _WAYS_OUT.get(kind, "")
        raise InputError(
            f"{self.name} takes {_a(kind.__name__)} as {port}; {_a(type(value).__name__)} was given.{way_out}"
        )

    def _refuse_too_large(self, values: Sequence[Any], parameters: BaseModel) -> None:
        from anyres.core.device import free_memory_bytes  # loads torch, which --help does without

        first = values[0][0] if isinstance(values[0], tuple) else values[0]
        picture = first.image if isinstance(first, ContinuousImage) else first
        output_hw = self.output_size_hw([_size_of(value) for value in values], parameters)
        assert output_hw is not None, f"{self.name} gives rows of no size"
        check_fits(
            first.size_hw,
            output_hw,
            bytes_per_pixel=bytes_per_pixel_in_memory(has_alpha=picture.alpha is not None),
            free_bytes=int(MEMORY_SHARE * free_memory_bytes()),
            place="memory",
            has_scale="scale" in self.parameters.model_fields,
        )


_WAYS_OUT: dict[type, str] = {
    Image: " Use Image.open(...) or Image.from_numpy(...).",
    ContinuousImage: " Use encode(image).",
    PictureFile: " Use PictureFile.at(path).",
    Alignment: " Use register(fixed, moving).",
}
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
    size: Callable[..., SizeHW] | None,
    label: Callable[..., str] | None = None,
    weights: Callable[..., Sequence[str]] | None = None,
) -> Declaration:
    """Declare an operation and list it in `OPERATIONS` under the function's name.

    Args:
        version: Of what it computes. A change of results changes it, and with it the hash of every item.
        size: Rule for (height, width) of the result, from those of the ports, in their order; a list port
            gives it a tuple of them. None for a report.
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
        raise InputError(f"{parameter} {message}; {reprlib.repr(error['input'])} was given.") from None


def _size_of(value: Any) -> PortSize:
    return tuple(one.size_hw for one in value) if isinstance(value, tuple) else value.size_hw


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOUaeiou' else 'a'} {noun}"


def _assert_names_parameters(rule: Callable[..., object] | None, declared: "Operation[..., Any]") -> None:
    for name in _keywords(rule) if rule else ():
        assert name in declared.parameters.model_fields, (
            f"a rule of {declared.name} names {name}, no parameter"
        )


@functools.cache
def _keywords(rule: Callable[..., object]) -> list[str]:
    arguments = inspect.signature(rule).parameters.values()
    return [argument.name for argument in arguments if argument.kind is inspect.Parameter.KEYWORD_ONLY]


def _named_by(rule: Callable[..., object], parameters: BaseModel) -> dict[str, Any]:
    return {name: getattr(parameters, name) for name in _keywords(rule)}
