"""What a run tells while it goes on: a batch item by item, a graph node by node. Nothing is printed here.

Batch: BatchStarted, then ItemStarted and ItemDone, ItemSkipped or ItemFailed for each item, BatchFinished.
Graph: NodeStarted, any NodeProgress, then NodeDone or NodeFailed for each node; GraphFinished is the last.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from anyres.core.sizes import SizeHW
from anyres.workflow.items import Item, Result
from anyres.workflow.names import INPUTS

GENERAL_WAY_OUT: Final = "Change the node or what leads to it, and run again."  # where an error names none
Status = Literal["done", "partial", "failed", "cancelled"]


@dataclass(frozen=True)
class NodeKind:
    """What the time of a node depends on, beside the machine and the pixels."""

    operation: str  # "upscale@1.0.0"
    weights: str  # sha256 of the weights, joined by spaces; empty for a node without a network


@dataclass(frozen=True)
class BatchStarted:
    """The first event."""

    items: int
    megapixels: float  # of all results together, as far as headers can be read; of many items, estimated


@dataclass(frozen=True)
class ItemStarted:
    """An item is being worked on."""

    item: Item
    megapixels: float  # of its result; 0 if its header cannot be read; of many items, the usual number


@dataclass(frozen=True)
class ItemDone:
    """A result is in its place."""

    item: Item
    size_hw: SizeHW
    notices: tuple[str, ...]  # what happened to the picture that its owner should know
    time_s: float
    results: tuple[Result, ...] = ()  # the files


@dataclass(frozen=True)
class ItemSkipped:
    """The result was in its place already, made from the same input in the same way."""

    item: Item


@dataclass(frozen=True)
class ItemFailed:
    """No result, or not all of them: the reason, and the exit code that it alone would give."""

    item: Item
    reason: str
    exit_code: int
    results: tuple[Result, ...] = ()  # the files that are in their places all the same


@dataclass(frozen=True)
class BatchFinished:
    """The last event."""

    done: tuple[ItemDone, ...]
    skipped: tuple[ItemSkipped, ...]
    failed: tuple[ItemFailed, ...]
    time_s: float
    notices: tuple[str, ...] = ()  # about the run as a whole


@dataclass(frozen=True)
class NodeStarted:
    """A node is being worked on."""

    node: str
    element: int | None  # its place in the list that a node is mapped over; else None


@dataclass(frozen=True)
class NodeProgress:
    """How far a node is, in units of its result."""

    node: str
    element: int | None
    done: float
    total: float
    unit: str  # "megapixels"; "share" of the work where the result has no size


@dataclass(frozen=True)
class NodeDone:
    """A node has its result."""

    node: str
    element: int | None
    size_hw: SizeHW | None  # None: a result without a size
    time_s: float
    is_from_cache: bool


@dataclass(frozen=True)
class NodeFailed:
    """A node has no result: its own fault, or that of a node before it."""

    node: str
    element: int | None
    port: str | None  # where the wrong value came in; None: not one port's fault
    value: str  # that value, in words: "Image 640x480", "scale=400"
    cause: str  # what is wrong, the value seen and the way out, as the error says it
    way_out: str  # what can be done beside it: mend the node named here, run again
    exit_code: int
    is_consequence: bool = False  # not run, as a node before it has no result
    file: str | None = None  # name of the one file that the value is made of, where there is one

    @property
    def text(self) -> str:
        """What is wrong, as the error says it, without the node."""
        return self.cause if self.way_out == GENERAL_WAY_OUT else f"{self.cause} {self.way_out}"

    @property
    def reason(self) -> str:
        """All of it, in a line."""
        element = "" if self.element is None else f", {self.file or f'element {self.element}'}"
        place = self.node + element
        if place.startswith(f"{INPUTS}."):
            return f"Input {place.removeprefix(f'{INPUTS}.')}: {self.text}"
        port = f", port {self.port}" if self.port else ""
        return f"Node {place}{port} ({self.value}): {self.cause} {self.way_out}".rstrip()


@dataclass(frozen=True)
class GraphFinished:
    """The last event of a graph."""

    status: Status
    results: Mapping[str, object]  # by name of the output; those that were made, a list in its order
    failures: tuple[NodeFailed, ...]
    time_s: float


BatchEvent = BatchStarted | ItemStarted | ItemDone | ItemSkipped | ItemFailed | BatchFinished
GraphEvent = NodeStarted | NodeProgress | NodeDone | NodeFailed | GraphFinished
Event = BatchEvent | GraphEvent
