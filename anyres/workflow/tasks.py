"""What a run of a graph has to do: each node once, or once for each element of its lists.

Only what the outputs need becomes a task; an input that is needed is a task too, as it may have to be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from anyres.core.errors import InputError
from anyres.workflow.graph import Graph, Node
from anyres.workflow.names import INPUTS, RESULT, Source
from anyres.workflow.sizes import elements_of


@dataclass(frozen=True)
class Cell:
    """One value that flows: of an input or a node, and of a list its element."""

    source: Source
    element: int | None = None

    @property
    def place(self) -> str:
        """The node's id, or "inputs.photo"."""
        return self.source.node or f"{INPUTS}.{self.source.port}"


@dataclass(frozen=True, eq=False)
class Task:
    """One value to be made, and the values that it is made from."""

    cell: Cell
    node: Node | None  # None: an input
    ports: Mapping[str, tuple[Cell, ...]]
    whole_lists: frozenset[str] = frozenset()  # ports that take what there is of a list

    @property
    def needs(self) -> tuple[Cell, ...]:
        """All values that it is made from."""
        return tuple(cell for cells in self.ports.values() for cell in cells)

    @property
    def uses_network(self) -> bool:
        """Whether a network runs in it, which takes all processors by itself."""
        return self.node is not None and self.node.operation.uses_network

    def without_needs(self) -> "Task":
        """The same for a value that is at hand already."""
        return replace(self, ports={}, whole_lists=frozenset())


@dataclass(frozen=True)
class Tasks:
    """All tasks of a run, each behind those that it needs, and the values that are its outputs."""

    by_cell: Mapping[Cell, Task]
    outputs: Mapping[str, tuple[Cell, ...]]  # by name; of a list each element

    def only(self, cells: set[Cell], at_hand: Mapping[Cell, object]) -> "Tasks":
        """Those tasks alone; those whose value is at hand need nothing."""
        kept = {
            cell: task.without_needs() if cell in at_hand else task
            for cell, task in self.by_cell.items()
            if cell in cells
        }
        return replace(self, by_cell=kept)


def tasks_of(graph: Graph, lengths: Mapping[str, int]) -> Tasks:
    """The tasks of a bound graph.

    Args:
        graph: A bound one.
        lengths: Of each declared input that is a list.

    Raises:
        InputError: Lists that should be equally long and are not, or an empty list where one value is needed.
    """
    counts = {Source(None, name): length for name, length in lengths.items()}
    tasks: dict[Cell, Task] = {}
    for name, declaration in graph.inputs.items():
        if not declaration.is_scalar:
            for cell in _cells(Source(None, name), counts):
                tasks[cell] = Task(cell, None, {})
    for node in graph.nodes.values():
        count, made = elements_of(node, graph, counts), Source(node.id, RESULT)
        if count is not None:
            counts[made] = count
        for cell in _cells(made, counts):
            tasks[cell] = _task(node, cell, counts)
    outputs = {name: _cells(source, counts) for name, source in graph.outputs.items()}
    return Tasks(_needed(tasks, outputs), outputs)


def _cells(source: Source, counts: Mapping[Source, int]) -> tuple[Cell, ...]:
    if source not in counts:
        return (Cell(source),)
    return tuple(Cell(source, index) for index in range(counts[source]))


def _task(node: Node, cell: Cell, counts: Mapping[Source, int]) -> Task:
    ports: dict[str, tuple[Cell, ...]] = {}
    whole_lists = set()
    for port, sources in node.inputs.items():
        cells: list[Cell] = []
        for source in sources:
            if source in counts and port in node.each:
                cells.append(Cell(source, cell.element))
            else:
                cells.extend(_cells(source, counts))
                if source in counts:
                    whole_lists.add(port)
        if not cells:
            raise InputError(
                f"Node {node.id}, input {port}: the list that leads to it is empty. Give it one at least."
            )
        ports[port] = tuple(cells)
    return Task(cell, node, ports, frozenset(whole_lists))


def _needed(tasks: Mapping[Cell, Task], outputs: Mapping[str, tuple[Cell, ...]]) -> dict[Cell, Task]:
    needed = {cell for cells in outputs.values() for cell in cells}
    for cell, task in reversed(list(tasks.items())):
        if cell in needed:
            needed.update(task.needs)
    return {cell: task for cell, task in tasks.items() if cell in needed}
