"""What does the workflow engine itself cost? A chain of 20 nodes that do nothing, and batches of small items.

The chain: its nodes give back the picture they get, 8 x 8 pixels; engine time is what a run takes beyond the
20 calls of the functions themselves, without a cache, with an empty one and with a full one. Items: graphs
of one such node through `run_graph`, as a batch runs them, and whole files through `run_batch`, whose time
beyond reading, hashing and writing the same files, records in them, is the engine's.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from anyres.core.files import read_image, read_xmp
from anyres.core.image import Image
from anyres.core.sizes import SizeHW
from anyres.core.weights import file_sha256
from anyres.operations.operation import operation
from anyres.workflow.cache import Cache
from anyres.workflow.document import read_document
from anyres.workflow.events import BatchFinished
from anyres.workflow.graph import Graph, graph_of, resolve
from anyres.workflow.graph_run import run_graph
from anyres.workflow.items import Item
from anyres.workflow.run import run_batch
from tools.timing import interleaved, say, write_result

NODES = 20
PICTURE = Image(np.zeros((8, 8, 3), np.float32))


def same_size(size_hw: SizeHW) -> SizeHW:
    """The size rule of an operation that changes none."""
    return size_hw


@operation(version="1.0.0", size=same_size)
def same(image: Image) -> Image:
    """Give back the picture."""
    return image


def main() -> None:
    """Measure, say and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=10_000)
    arguments = parser.parse_args()
    figures: dict[str, object] = {f"chain of {NODES} nodes, ms": chain(arguments.rounds)}
    figures |= items_alone(arguments.items)
    figures |= items_of_files(arguments.files)
    for name, figure in figures.items():
        say(f"{name}: {figure}")
    write_result("engine", "this machine", figures)


def chain(rounds: int) -> dict[str, float]:
    """Milliseconds of a run beyond the work, as the median over the rounds."""
    graph = chain_graph()
    with tempfile.TemporaryDirectory() as folder:
        full = Cache(Path(folder) / "full")
        fresh = iter(range(10_000))
        ways: dict[str, Callable[[], object]] = {
            "work": work,
            "no cache": lambda: run(graph, None),
            "empty cache": lambda: run(graph, Cache(Path(folder) / str(next(fresh)))),
            "full cache": lambda: run(graph, full),
        }
        seconds = {name: statistics.median(each) for name, each in interleaved(ways, rounds=rounds).items()}
    return {name: round(1e3 * (seconds[name] - seconds["work"]), 2) for name in ways if name != "work"}


def chain_graph() -> Graph:
    """The bound graph of the chain."""
    nodes: dict[str, Any] = {}
    before = "inputs.image"
    for number in range(NODES):
        nodes[f"n{number}"] = {"operation": "same@1.0.0", "inputs": {"image": before}}
        before = f"n{number}.result"
    document = {
        "anyres_workflow": 1,
        "name": "chain",
        "version": "1.0.0",
        "inputs": {"image": {"type": "Image"}},
        "nodes": nodes,
        "outputs": {"result": before},
    }
    return resolve(read_document(document)).bind({})


def work() -> None:
    """What the nodes of the chain do, without an engine."""
    picture = PICTURE
    for _ in range(NODES):
        picture = same.function(picture)  # type: ignore[assignment]


def run(graph: Graph, cache: Cache | None) -> None:
    """The whole graph, its progress told as a command does."""
    for _ in run_graph(graph, {"image": PICTURE}, cache=cache, on_progress=lambda progress: None):
        pass


def items_alone(count: int) -> dict[str, object]:
    """Milliseconds of `graph_of` and `run_graph` for each item."""
    start_s = time.perf_counter()
    for _ in range(count):
        run(graph_of(same, {}), None)
    per_item_ms = 1e3 * (time.perf_counter() - start_s) / count
    return {f"{count} graphs of one node, ms each": round(per_item_ms, 3)}


def items_of_files(count: int) -> dict[str, object]:
    """Milliseconds of `run_batch` for each item, whole and beyond the files' own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        items = []
        for number in range(count):
            path = folder / "in" / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            PICTURE.save(path)
            items.append(Item({"image": path}, {"result": folder / "out" / path.name}))
        list(run_batch(same, [Item(items[0].inputs, {"result": folder / "first.png"})]))  # what loads once
        start_s = time.perf_counter()
        *_, finished = run_batch(same, items)
        batch_ms = 1e3 * (time.perf_counter() - start_s) / count
        assert isinstance(finished, BatchFinished)
        assert len(finished.done) == count, finished.failed[:1]
        (folder / "again").mkdir()
        xmp = read_xmp(items[0].output)
        assert xmp, "the record is in the result"
        start_s = time.perf_counter()
        for number, item in enumerate(items):  # to new names, as the batch's: replacing is slower
            files_alone(item, folder / "again" / f"{number}.png", xmp)
        files_ms = 1e3 * (time.perf_counter() - start_s) / count
    return {
        f"{count} files through run_batch, ms each": round(batch_ms, 3),
        "of which files read, hashed and written": round(files_ms, 3),
        "beyond these: the engine": round(batch_ms - files_ms, 3),
    }


def files_alone(item: Item, target: Path, xmp: bytes) -> None:
    """What each item costs without an engine, a record in its XMP."""
    path = item.inputs["image"]
    assert isinstance(path, Path)
    file_sha256(path)
    picture = read_image(path)
    replace(picture, encoding=replace(picture.encoding, xmp=xmp)).save(target)
    file_sha256(target)


if __name__ == "__main__":
    main()
