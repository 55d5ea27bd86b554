"""What a person can make smaller when a result is refused, and the largest value of it that fits.

First what the document lets its user set: an input that gives the target of a node, such as its scale or its
longest side. Where it lets none be set, the scale of a node as it stands in the document.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial
from typing import Any, Final

from anyres.core.errors import InputError
from anyres.core.sizes import LARGEST_SCALE, TARGETS
from anyres.workflow.document import ParameterFrom
from anyres.workflow.graph import Graph, Node, resolve

SCALE: Final = "scale"
_HUNDREDTHS: Final = 100  # steps of a number from 0 to 1; a side goes by whole pixels
_ROUNDING: Final = 1e-6  # of a number of steps: 1.1 x 100 is a little more than 110


class Fit(Enum):
    """What a value makes of a graph."""

    FITS = auto()
    TOO_LARGE = auto()
    UNFIT = auto()  # out of its range, or so small that a node refuses


@dataclass(frozen=True)
class Smaller:
    """A value that makes a result smaller when it is smaller."""

    name: str  # "scale", "scale of node large"
    graph_at: Callable[[float], Graph]
    most: float  # that is of interest
    is_whole: bool

    def largest(self, fit_of: Callable[[Graph], Fit]) -> float | None:
        """The largest value that fits, to the most; None if there is none."""
        in_one = 1 if self.is_whole else _HUNDREDTHS

        def fit_at(steps: int) -> Fit:
            try:
                return fit_of(self.graph_at(steps / in_one))
            except InputError:
                return Fit.UNFIT

        steps = range(1, math.floor(self.most * in_one + _ROUNDING) + 1)
        count = bisect_left(steps, True, key=lambda one: fit_at(one) is Fit.TOO_LARGE)
        if count == 0 or fit_at(steps[count - 1]) is not Fit.FITS:
            return None
        return steps[count - 1] / in_one


def what_can_be_smaller(graph: Graph, refused: str) -> tuple[Smaller, ...]:
    """What makes the result of a node smaller, the nearest first.

    Args:
        graph: A bound one.
        refused: Id of the node.
    """
    unbound = resolve(graph.document)
    names = _itself_and_before(graph, refused)
    return tuple(_inputs(graph, unbound, names)) or tuple(_scales(graph, unbound, names))


def _inputs(graph: Graph, unbound: Graph, names: Sequence[str]) -> Iterator[Smaller]:
    """Declared numbers that give targets of these nodes."""
    seen: set[str] = set()
    for name in names:
        parameters = unbound.nodes[name].parameters
        for target in TARGETS:
            value = parameters.get(target)
            if not isinstance(value, ParameterFrom) or value.input in seen:
                continue
            seen.add(value.input)
            declared, given = graph.inputs[value.input], graph.scalars[value.input]
            if declared.type in ("number", "integer") and isinstance(given, (int, float)):
                is_whole = declared.type == "integer" or target != SCALE
                at = partial(_bound_at, unbound, graph.scalars, value.input)
                yield Smaller(value.input, at, float(given), is_whole)


def _scales(graph: Graph, unbound: Graph, names: Sequence[str]) -> Iterator[Smaller]:
    """The scales of these nodes, where no input gives their target."""
    for name in names:
        node = graph.nodes[name]
        given = [unbound.nodes[name].parameters.get(target) for target in TARGETS]
        if SCALE in node.operation.parameters.model_fields and not any(
            isinstance(one, ParameterFrom) for one in given
        ):
            at = partial(_node_at, graph, node)
            yield Smaller(f"{SCALE} of node {name}", at, LARGEST_SCALE, is_whole=False)


def _bound_at(unbound: Graph, scalars: Mapping[str, object], name: str, value: float) -> Graph:
    return unbound.bind({**scalars, name: int(value) if value == int(value) else value})


def _node_at(graph: Graph, node: Node, scale: float) -> Graph:
    is_scaled = node.parameters.get(SCALE) is not None  # else it has another target, which the scale replaces
    left_out = () if is_scaled else (*TARGETS, "fit")
    parameters: dict[str, Any] = {key: one for key, one in node.parameters.items() if key not in left_out}
    parameters[SCALE] = scale
    changed = replace(node, parameters=parameters, checked=node.operation.check_parameters(parameters))
    return replace(graph, nodes={**graph.nodes, node.id: changed})


def _itself_and_before(graph: Graph, name: str) -> list[str]:
    """A node, then those before it, nearest first."""
    found = [name]
    for one in found:  # grows while it is walked
        sources = (source for sources in graph.nodes[one].inputs.values() for source in sources)
        found += [source.node for source in sources if source.node and source.node not in found]
    return found
