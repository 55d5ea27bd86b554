"""What is said of a workflow before it runs: what it takes and gives, and what its nodes need."""

from collections.abc import Sequence

from anyres.cli.report import say
from anyres.cli.workflow_inputs import input_text
from anyres.core.errors import AnyresError
from anyres.core.files import Limits
from anyres.core.sizes import size_text
from anyres.workflow.folder import Plan
from anyres.workflow.graph import Graph
from anyres.workflow.looking import Machine, forecast_of
from anyres.workflow.preflight import Forecast, NodeForecast

_COLUMNS = ("node", "operation", "size", "megapixels", "memory", "time")


def check_items(graph: Graph, plan: Plan, limits: Limits, machine: Machine) -> int:
    """Say what each item needs, or why it cannot be made; the exit code that a run would have by that.

    Raises:
        AnyresError: Why the only item cannot be made.
    """
    is_batch, forecasts, codes = len(plan.items) > 1, list[Forecast](), list[int]()
    for item in plan.items:
        try:
            forecast, reasons = forecast_of(graph, item, limits, machine)
        except AnyresError as error:
            if not is_batch:
                raise
            say(f"{item.inputs_text()}: cannot be done. {error}", to_error=True)
            codes.append(error.exit_code)
            continue
        if is_batch:
            say(item.inputs_text())
        tell_forecast(forecast)
        for reason in reasons:
            say(f"{item.inputs_text()}: cannot be done in full. {reason}", to_error=True)
        codes += [reason.exit_code for reason in reasons[:1]]
        forecasts.append(forecast)
    if is_batch:
        _tell_total(forecasts, len(plan.items))
    return 1 if codes and is_batch else sum(codes)


def _tell_total(forecasts: Sequence[Forecast], count: int) -> None:
    """What all items need that can be made: memory one after the other, disk and time together."""
    memory_mb = max((one.memory_mb for one in forecasts), default=0.0)
    disk_mb, times = sum(one.disk_mb for one in forecasts), [one.time_s for one in forecasts]
    needed = _needed_text(memory_mb, disk_mb, None if None in times else sum(one or 0.0 for one in times))
    say(f"{len(forecasts)} of {count} fit. In all: {needed}.")


def tell_forecast(forecast: Forecast) -> None:
    """A table of nodes, and the most that is needed."""
    rows = [_COLUMNS, *(_row(node) for node in forecast.nodes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        say("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    say(f"It fits: {_needed_text(forecast.memory_mb, forecast.disk_mb, forecast.time_s)}.")


def _needed_text(memory_mb: float, disk_mb: float, time_s: float | None) -> str:
    took = "time not known yet" if time_s is None else f"about {_seconds(time_s)}"
    return f"{_megabytes(memory_mb)} of memory for pictures, {_megabytes(disk_mb)} of disk, {took}"


def _row(node: NodeForecast) -> tuple[str, ...]:
    sizes = [size_text(one) for one in node.sizes_hw]
    shown = sizes[0] if len(set(sizes)) == 1 else f"{len(sizes)} sizes" if sizes else "-"
    if len(sizes) > 1 and len(set(sizes)) == 1:
        shown = f"{len(sizes)} of {sizes[0]}"
    time = "-" if node.time_s is None else _seconds(node.time_s)
    pixels = f"{node.megapixels:.2f}" if sizes else "-"
    return node.id, node.operation, shown, pixels, _megabytes(node.memory_mb), time


def tell_document(graph: Graph, missing: Sequence[str] = ()) -> None:
    """What a workflow takes, runs and gives, where no picture says the sizes.

    Args:
        graph: The workflow's.
        missing: Parameters without a default that were not given.
    """
    document = graph.document
    say(f"{document.name} {document.version}: {document.title or 'a workflow'}")
    for name, one in graph.inputs.items():
        say(f"  takes {input_text(name, one)}")
    for node in graph.nodes.values():
        say(f"  runs  {node.id}: {node.operation.name}@{node.operation.version}")
    for name, source in graph.outputs.items():
        say(f"  gives {name}: {'list of ' if graph.is_list(source) else ''}{graph.kind(source)}")
    needs = f"It needs {', '.join(missing)}: name it with --set." if missing else "It can run."
    say(f"{needs} Name pictures with --input to see sizes, memory and time.")


def _megabytes(megabytes: float) -> str:
    if megabytes >= 1000:
        return f"{megabytes / 1000:.1f} GB"
    return f"{megabytes:.0f} MB" if megabytes >= 10 else f"{megabytes:.1f} MB"


def _seconds(time_s: float) -> str:
    if time_s >= 7200:
        return f"{time_s / 3600:.1f} h"
    return f"{time_s / 60:.0f} min" if time_s >= 120 else f"{time_s:.1f} s"
