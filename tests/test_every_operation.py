"""What every operation must be: one declaration, from which all doors come and agree."""

import inspect
import json
from typing import Any

import pytest

from anyres.cli.operations import FILE_OPTIONS, command_of
from anyres.core.image import Image, Rows
from anyres.operations.operation import Operation, every_operation

OPERATIONS = every_operation()
every = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


@every
def test_the_options_of_the_command_are_the_parameters_of_the_declaration(
    operation: Operation[..., Any],
) -> None:
    options = list(inspect.signature(command_of(operation)).parameters)
    assert [name for name in options if name not in FILE_OPTIONS] == list(operation.parameters.model_fields)
    assert set(options) >= set(FILE_OPTIONS)


@every
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
    assert set(operation.ports.values()) <= {Image}
    assert operation.output in (Image, Rows)


@every
def test_python_sees_its_signature_and_its_words(operation: Operation[..., Any]) -> None:
    assert list(inspect.signature(operation).parameters)[: len(operation.ports)] == list(operation.ports)
    assert operation.__doc__ == operation.function.__doc__
