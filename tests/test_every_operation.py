"""What every operation must be: one declaration, from which all doors come and agree."""

import inspect
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyres.cli.operations import FILE_OPTIONS, REPORT_OPTIONS, command_of
from anyres.core.alignment import Alignment
from anyres.core.errors import AnyresError, InputError
from anyres.core.image import Image
from anyres.core.results import ContinuousImage, PictureFile, Report
from anyres.operations.operation import Operation, PortType, every_operation

OPERATIONS = every_operation()
COMMANDS = {name: operation for name, operation in OPERATIONS.items() if operation.is_of_files}
every = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
every_with_a_command = pytest.mark.parametrize("operation", COMMANDS.values(), ids=COMMANDS)

_SIDES = st.integers(1, 24)
_TARGETS = st.one_of(
    st.builds(lambda scale: {"scale": scale}, st.floats(0.3, 3.5)),
    st.builds(lambda side: {"longest": side}, st.integers(1, 40)),
    st.builds(lambda side: {"shortest": side}, st.integers(1, 12)),
    st.builds(
        lambda width, height, fit: {"size": (height, width), "fit": fit},
        st.integers(1, 40),
        st.integers(1, 40),
        st.sampled_from(["inside", "cover", "stretch"]),
    ),
)
_BOXES = st.fixed_dictionaries(
    {}, optional={name: st.integers(1, 12) for name in ("left", "top", "width", "height")}
)
_BORDERS = st.fixed_dictionaries({side: st.integers(0, 30) for side in ("left", "right", "top", "bottom")})
_PLACES = st.fixed_dictionaries({"left": st.integers(-9, 9), "top": st.integers(-9, 9)})
PARAMETERS: Mapping[str, st.SearchStrategy[dict[str, Any]]] = {  # by operation; {} where none is named here
    "blend": _PLACES,
    "crop": _BOXES,
    "pad": _BORDERS,
    "render": st.builds(lambda target, box: target | box, _TARGETS, _BOXES),
    "resize": _TARGETS,
    "sheet": st.fixed_dictionaries({}, optional={"columns": st.integers(1, 5)}),
    "upscale": _TARGETS,
}


def picture(height: int, width: int, *, has_alpha: bool) -> Image:
    alpha = np.linspace(0, 1, height * width, dtype=np.float32).reshape(height, width)
    return Image(np.full((height, width, 3), 0.25, np.float32), alpha if has_alpha else None)


def value_of(kind: str, image: Image, folder: Path) -> object:
    """A value of a kind of port, made from a picture."""
    if kind == "ContinuousImage":
        return OPERATIONS["encode"](image, precision="float32")
    if kind == "Alignment":
        return still(image)
    if kind == "PictureFile":
        image.save(folder / "picture.png", overwrite=True)
        return PictureFile.at(folder / "picture.png")
    return image


def still(image: Image) -> Alignment:
    """That a picture of this size lies on one like it as it is."""
    nothing = np.zeros((0, 2))
    return Alignment(
        fixed_hw=image.size_hw,
        moving_hw=image.size_hw,
        status="ok",
        probability=1.0,
        reasons=(),
        matrix=np.eye(3),
        quadratic=None,
        moving=nothing,
        fixed=nothing,
        scores=np.zeros(0, np.float32),
        agree=np.zeros(0, bool),
        engine="rootsift",
    )


def size_of(value: Any) -> Any:
    return tuple(one.size_hw for one in value) if isinstance(value, tuple) else value.size_hw


@pytest.mark.slow
@every
def test_the_size_rule_says_the_size_of_the_result_or_refuses_as_the_work_does(
    operation: Operation[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("pictures")

    @settings(max_examples=12)
    @given(data=st.data())
    def law(data: st.DataObject) -> None:
        parameters = data.draw(PARAMETERS.get(operation.name, st.just({})))
        first_hw = data.draw(_SIDES), data.draw(_SIDES)
        is_like_the_first = operation.name in ("difference", "heatmap", "measure", "lay")
        values: list[Any] = []
        for type_ in operation.port_types.values():
            count = data.draw(st.integers(1, 4)) if type_.is_list else 1
            sizes = [first_hw if is_like_the_first else (data.draw(_SIDES), data.draw(_SIDES))] * count
            images = [picture(*size_hw, has_alpha=data.draw(st.booleans())) for size_hw in sizes]
            made = tuple(value_of(type_.kind, image, folder) for image in images)
            values.append(made if type_.is_list else made[0])
        checked = operation.check_parameters(parameters)
        try:
            predicted_hw = operation.output_size_hw([size_of(value) for value in values], checked)
        except InputError as refusal:
            with pytest.raises(AnyresError, match=re.escape(str(refusal))):
                operation(*values, **parameters)
            return
        result = operation(*values, **parameters)
        assert predicted_hw == (None if isinstance(result, Report) else result.size_hw)
        kinds = {
            "Image": Image,
            "ContinuousImage": ContinuousImage,
            "PictureFile": PictureFile,
            "Alignment": Alignment,
        }
        assert isinstance(result, kinds.get(operation.output_type.kind, Report))
        if predicted_hw is not None:
            assert re.fullmatch(r"[a-z0-9][a-z0-9._x-]*", operation.label(predicted_hw, checked))

    law()


@every
def test_a_port_takes_only_its_kind(operation: Operation[..., Any]) -> None:
    first, type_ = next(iter(operation.port_types.items()))
    for value in ("words", ["words"], Report("no picture", {})):
        with pytest.raises(InputError, match=f"{operation.name} takes .*{type_.kind}.* as {first}; "):
            operation(*[value] * len(operation.ports))


@every
def test_the_code_of_every_operation_has_one_hash_of_64_digits(operation: Operation[..., Any]) -> None:
    assert re.fullmatch("[0-9a-f]{64}", operation.code_sha256)


@every_with_a_command
def test_the_options_of_the_command_are_the_parameters_of_the_declaration(
    operation: Operation[..., Any],
) -> None:
    options = list(inspect.signature(command_of(operation)).parameters)
    others = {*FILE_OPTIONS, *operation.ports}
    assert [name for name in options if name not in others] == list(operation.parameters.model_fields)
    is_report = operation.output_type == PortType("Report")
    assert set(options) >= set(REPORT_OPTIONS if is_report else FILE_OPTIONS[1:])
    assert "pictures" in options or set(options) >= set(operation.ports)


@every_with_a_command
def test_no_parameter_has_the_name_of_an_option_of_all_commands(operation: Operation[..., Any]) -> None:
    assert not set(operation.parameters.model_fields) & set(FILE_OPTIONS)


@every
def test_the_defaults_are_those_of_the_function_and_are_valid(operation: Operation[..., Any]) -> None:
    defaults = operation.check_parameters({}).model_dump()
    arguments = inspect.signature(operation.function).parameters
    assert {name: arguments[name].default for name in defaults} == defaults


@every
def test_a_default_as_text_is_the_same_default(operation: Operation[..., Any]) -> None:
    defaults = operation.check_parameters({})
    texts = {name: str(value) for name, value in defaults.model_dump().items() if value is not None}
    assert operation.check_parameters(texts) == defaults


@every
def test_every_parameter_says_what_it_means_in_a_schema_that_is_json(operation: Operation[..., Any]) -> None:
    properties = operation.parameters.model_json_schema()["properties"]
    assert json.loads(json.dumps(properties)) == properties
    assert all(schema["description"].endswith(".") for schema in properties.values())


@every
def test_it_has_a_summary_a_version_and_ports(operation: Operation[..., Any]) -> None:
    assert operation.summary.endswith(".")
    assert len(operation.version.split(".")) == 3
    assert operation.ports


@every
def test_python_sees_its_signature_and_its_words(operation: Operation[..., Any]) -> None:
    assert list(inspect.signature(operation).parameters)[: len(operation.ports)] == list(operation.ports)
    assert operation.__doc__ == operation.function.__doc__
