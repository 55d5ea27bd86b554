"""From several pictures that belong together to one item: one for each port, or all for a list port.

The result goes beside the first, `photo.blend.jpg`, or where the output says.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from anyres.core.errors import InputError
from anyres.core.files import Limits, output_format, read_header
from anyres.core.formats import FORMATS
from anyres.operations.operation import Operation, PortSize
from anyres.workflow.folder import Plan
from anyres.workflow.items import Item
from anyres.workflow.names import RESULT


def inputs_of(operation: Operation[..., Any], paths: Sequence[Path]) -> dict[str, Path | tuple[Path, ...]]:
    """The pictures by port; InputError for another number of them than the operation takes."""
    names = list(operation.ports)
    if operation.port_types[names[0]].is_list:
        return {names[0]: tuple(paths)}
    if len(paths) != len(names):
        raise InputError(
            f"{operation.name} takes {len(names)} pictures ({', '.join(names)}); {len(paths)} were given."
        )
    return dict(zip(names, paths, strict=True))


def plan_one_item(
    operation: Operation[..., Any],
    paths: Sequence[Path],
    *,
    parameters: Mapping[str, object],
    output: str | None,
    limits: Limits,
) -> Plan:
    """The one item of pictures that belong together.

    Raises:
        InputError: For a wrong parameter, another number of pictures, pictures that cannot be read or do not
            go together, or a name in no format that is written.
        LimitError: For a file beyond the limits.
    """
    checked, inputs = operation.check_parameters(parameters), inputs_of(operation, paths)
    headers = {path: read_header(path, limits=limits) for path in paths}
    sizes_hw: list[PortSize] = [
        tuple(headers[path].size_hw for path in one) if isinstance(one, tuple) else headers[one].size_hw
        for one in inputs.values()
    ]
    size_hw = operation.output_size_hw(sizes_hw, checked)
    assert size_hw is not None, f"{operation.name} gives no picture"
    if output is not None and not _is_folder_name(output):
        output_format(Path(output))  # its own sentence about a suffix that is not written
        return Plan((Item(inputs, {RESULT: Path(output)}, parameters),))
    first = paths[0]
    family = FORMATS[headers[first].format]
    suffix = first.suffix if first.suffix.lower() in family.suffixes else family.suffixes[0]
    folder = first.parent if output is None else Path(output)
    place = folder / f"{first.stem}.{operation.label(size_hw, checked)}{suffix}"
    return Plan((Item(inputs, {RESULT: place}, parameters),))


def _is_folder_name(output: str) -> bool:
    return output.endswith(("/", os.sep)) or Path(output).is_dir() or not Path(output).suffix
