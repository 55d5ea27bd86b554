"""From what a client asks for, a workflow or an operation and the ids of pictures, to one item that runs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyres.core.budget import free_disk_bytes
from anyres.core.errors import AnyresError, InputError, LimitError
from anyres.core.memory import free_machine_bytes
from anyres.operations.operation import Operation, every_operation
from anyres.server.limits import ServerLimits
from anyres.server.vault import Vault
from anyres.workflow.document import Document, document_text, read_document
from anyres.workflow.finding import find_workflow
from anyres.workflow.folder import plan_items
from anyres.workflow.graph import Graph, graph_of, resolve
from anyres.workflow.items import Item
from anyres.workflow.looking import Machine, forecast_of
from anyres.workflow.making import work_of
from anyres.workflow.names import RESULT
from anyres.workflow.plan import plan_workflow
from anyres.workflow.preflight import Forecast
from anyres.workflow.reading import check_inputs
from anyres.workflow.store import seconds_a_megapixel
from anyres.workflow.together import plan_one_item

Ids = Mapping[str, str | list[str]]  # of files, by input


@dataclass(frozen=True)
class Asked:
    """What a client wants done; exactly one of operation, workflow and document is given."""

    inputs: Ids
    parameters: Mapping[str, Any]
    operation: str | None = None
    workflow: str | None = None  # by name
    document: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is stored; a workflow by name becomes its document, so that the run can be repeated."""
        document = self.document
        if self.workflow is not None:
            document = json.loads(document_text(find_workflow(self.workflow)))
        return {
            "inputs": dict(self.inputs),
            "parameters": dict(self.parameters),
            "operation": self.operation,
            "workflow": None,
            "document": None if document is None else dict(document),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Asked":
        """What `as_json` wrote."""
        return cls(**stored)


@dataclass(frozen=True)
class Planned:
    """One item, ready to run."""

    workflow: Operation[..., Any] | Graph
    graph: Graph  # bound
    item: Item
    title: str


def planned(asked: Asked, vault: Vault, folder: Path) -> Planned:
    """The item, with places for its results in a folder.

    Raises:
        InputError: An unknown operation, workflow, input or parameter, or pictures that do not go together.
        NotThereError: An id that no file has.
    """
    paths = {name: _paths(vault, ids) for name, ids in asked.inputs.items()}
    if asked.operation is not None:
        made = _of_operation(asked, paths, vault.limits, folder)
    else:
        made = _of_document(_document(asked), asked, paths, folder)
    check_inputs(made.graph, made.item)
    work_of(made.graph)  # finds the weights
    return made


def forecast(made: Planned, vault: Vault) -> tuple[Forecast, tuple[AnyresError, ...]]:
    """What it needs, and why parts of it cannot be made.

    Raises:
        InputError: Nothing can be made of such pictures.
        LimitError: It does not fit this machine, or the server's limit on results.
    """
    machine = Machine(free_machine_bytes(), free_disk_bytes(vault.folder), seconds_a_megapixel)
    needs, refused = forecast_of(made.graph, made.item, vault.limits.of_pictures, machine)
    outputs = {source.node for source in made.graph.outputs.values()}
    megapixels = sum(node.megapixels for node in needs.nodes if node.id in outputs)
    most = vault.limits.result_megapixels
    if megapixels > most:
        raise LimitError(
            f"The results have {megapixels:.0f} million pixels; the studio makes {most:.0f} at most. "
            "Ask for a smaller size, or use the command line."
        )
    return needs, refused


def _paths(vault: Vault, ids: str | list[str]) -> tuple[Path, ...]:
    return tuple(vault.path_of(one) for one in ([ids] if isinstance(ids, str) else ids))


def _document(asked: Asked) -> Document:
    if asked.workflow is not None:
        return find_workflow(asked.workflow)
    if asked.document is None:
        raise InputError("Nothing is asked for: name an operation or a workflow, or give a document.")
    return read_document(dict(asked.document))


def _of_document(
    document: Document, asked: Asked, paths: Mapping[str, tuple[Path, ...]], folder: Path
) -> Planned:
    graph = resolve(document).bind(asked.parameters)
    texts = {name: [str(path) for path in found] for name, found in paths.items()}
    for name, found in texts.items():
        if len(found) > 1 and name in graph.inputs and not graph.inputs[name].is_list:
            raise InputError(f"{name} takes one picture; {len(found)} were given. Ask for a run for each.")
    plan = plan_workflow(graph, texts, parameters=graph.scalars, output=str(folder))
    return Planned(graph, graph, plan.items[0], document.title or document.name)


def _of_operation(
    asked: Asked, paths: Mapping[str, tuple[Path, ...]], limits: ServerLimits, folder: Path
) -> Planned:
    known = {name: one for name, one in every_operation().items() if one.is_of_files}
    if asked.operation not in known:
        raise InputError(f"There is no operation {asked.operation!r}; there are: {', '.join(sorted(known))}.")
    operation, parameters = known[asked.operation], dict(asked.parameters)
    if paths.keys() != operation.ports.keys():
        ports = ", ".join(f"{name} ({type_})" for name, type_ in operation.port_types.items())
        raise InputError(f"{operation.name} takes {ports}; {', '.join(paths) or 'nothing'} was given.")
    item = _item(operation, paths, parameters, limits, folder)
    return Planned(operation, graph_of(operation, parameters), item, operation.name)


def _item(
    operation: Operation[..., Any],
    paths: Mapping[str, tuple[Path, ...]],
    parameters: dict[str, Any],
    limits: ServerLimits,
    folder: Path,
) -> Item:
    """As the command line plans it, so that the results are the same; a report goes into a file."""
    is_list = {name: type_.is_list for name, type_ in operation.port_types.items()}
    for name, found in paths.items():
        if not found or (len(found) > 1 and not is_list[name]):
            raise InputError(f"{name} takes {operation.port_types[name]}; {len(found)} pictures were given.")
    if operation.output_type.kind == "Report":
        operation.check_parameters(parameters)
        inputs = {name: found if is_list[name] else found[0] for name, found in paths.items()}
        return Item(inputs, {RESULT: folder / f"{operation.name}.json"}, parameters)
    flat = [path for name in operation.ports for path in paths[name]]
    if list(is_list.values()) == [False]:
        plan = plan_items(
            operation, flat, parameters=parameters, output=str(folder), limits=limits.of_pictures
        )
    else:
        plan = plan_one_item(
            operation, flat, parameters=parameters, output=f"{folder}/", limits=limits.of_pictures
        )
    return plan.items[0]
