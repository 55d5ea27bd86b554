"""What is said of a workflow before it runs: what it takes and gives, and what its nodes need."""

from anyres.cli.report import say
from anyres.cli.workflow_inputs import input_text
from anyres.core.sizes import size_text
from anyres.workflow.graph import Graph
from anyres.workflow.preflight import Forecast, NodeForecast

_COLUMNS = ("node", "operation", "size", "megapixels", "memory", "time")


def tell_forecast(forecast: Forecast) -> None:
    """A table of nodes, and the most that is needed."""
    rows = [_COLUMNS, *(_row(node) for node in forecast.nodes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        say("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    time_s = forecast.time_s
    took = "time not known yet" if time_s is None else f"about {_seconds(time_s)}"
    memory, disk = _megabytes(forecast.memory_mb), _megabytes(forecast.disk_mb)
    say(f"It fits: {memory} of memory for pictures, {disk} of disk, {took}.")


def _row(node: NodeForecast) -> tuple[str, ...]:
    sizes = [size_text(one) for one in node.sizes_hw]
    shown = sizes[0] if len(set(sizes)) == 1 else f"{len(sizes)} sizes" if sizes else "-"
    if len(sizes) > 1 and len(set(sizes)) == 1:
        shown = f"{len(sizes)} of {sizes[0]}"
    time = "-" if node.time_s is None else _seconds(node.time_s)
    pixels = f"{node.megapixels:.2f}" if sizes else "-"
    return node.id, node.operation, shown, pixels, _megabytes(node.memory_mb), time


def tell_document(graph: Graph) -> None:
    """What a workflow takes, runs and gives, where no picture says the sizes."""
    document = graph.document
    say(f"{document.name} {document.version}: {document.title or 'a workflow'}")
    for name, one in graph.inputs.items():
        say(f"  takes {input_text(name, one)}")
    for node in graph.nodes.values():
        say(f"  runs  {node.id}: {node.operation.name}@{node.operation.version}")
    for name, source in graph.outputs.items():
        say(f"  gives {name}: {'list of ' if graph.is_list(source) else ''}{graph.kind(source)}")
    say("It can run. Name pictures with --input to see sizes, memory and time.")


def _megabytes(megabytes: float) -> str:
    if megabytes >= 1000:
        return f"{megabytes / 1000:.1f} GB"
    return f"{megabytes:.0f} MB" if megabytes >= 10 else f"{megabytes:.1f} MB"


def _seconds(time_s: float) -> str:
    if time_s >= 7200:
        return f"{time_s / 3600:.1f} h"
    return f"{time_s / 60:.0f} min" if time_s >= 120 else f"{time_s:.1f} s"
