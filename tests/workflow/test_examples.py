from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from anyres.core.image import Image
from anyres.core.results import ContinuousImage, Report
from anyres.core.sizes import SizeHW
from anyres.workflow.document import document_text, graph_sha256, read_document
from anyres.workflow.events import GraphFinished
from anyres.workflow.finding import example_names, find_workflow
from anyres.workflow.graph import Graph, inferred_sizes, resolve
from anyres.workflow.graph_run import run_graph
from tests.models.retina.fundi import fundus
from tests.models.retina.test_registration import MOVED, seen_moved

SIZE_HW = (48, 56)
RESULTS: dict[
    str, dict[str, SizeHW | list[SizeHW]]
] = {  # of a picture of SIZE_HW; of two where a list is taken
    "compare-three-models": {"sheet": (152, 408)},
    "crop-and-paste": {"pasted": (192, 224)},
    "encode-once": {"whole": (96, 112), "corner": (96, 96), "inside": (96, 96)},
    "enlarge-photo": {"enlarged": (96, 112)},
    "folder-to-2048": {"resized": [(110, 128), (110, 128)]},
    "retina-pair": {"registered": (320, 320), "overlay": (320, 320), "checkerboard": (320, 320)},
}
PHOTOGRAPHS: dict[tuple[str, str], Callable[[], Image]] = {  # where others than `photo` are needed
    ("retina-pair", "fixed"): fundus,
    ("retina-pair", "moving"): lambda: seen_moved(MOVED),
}
SCALARS = {"folder-to-2048": {"longest": 128}}


def photo() -> Image:
    return Image(np.random.default_rng(0).random((*SIZE_HW, 3), np.float32))


def flows(graph: Graph) -> list[tuple[str, bool]]:
    return [(name, one.is_list) for name, one in graph.inputs.items() if not one.is_scalar]


def test_every_example_is_run_here() -> None:
    assert set(example_names()) == set(RESULTS)


@pytest.mark.parametrize("name", example_names())
def test_an_example_reads_and_writes_and_says_what_it_is(name: str) -> None:
    document = find_workflow(name)
    assert document.name == name
    assert document.title
    assert document.description
    assert all(one.description for one in document.inputs.values())
    assert read_document(document_text(document)) == document
    assert len(graph_sha256(document)) == 64


@pytest.mark.slow
@pytest.mark.parametrize("name", example_names())
def test_an_example_runs_and_its_sizes_are_those_predicted(name: str) -> None:
    graph = resolve(find_workflow(name)).bind(SCALARS.get(name, {}))
    values: dict[str, Any] = {
        port: [photo(), photo()] if is_list else PHOTOGRAPHS.get((name, port), photo)()
        for port, is_list in flows(graph)
    }
    sizes = {port: [SIZE_HW, SIZE_HW] if is_list else values[port].size_hw for port, is_list in flows(graph)}
    *_, last = run_graph(graph, values)
    assert isinstance(last, GraphFinished)
    assert last.status == "done", last.failures
    predicted = inferred_sizes(graph, sizes)
    assert {one for one, source in graph.outputs.items() if graph.kind(source) != "Report"} == set(
        RESULTS[name]
    )
    for output in RESULTS[name]:
        source = graph.outputs[output]
        made = last.results[output]
        real = [size_of(one) for one in made] if isinstance(made, (list, tuple)) else size_of(made)
        assert real == RESULTS[name][output]
        assert predicted[source.node or ""] == (tuple(real) if isinstance(real, list) else real)


def size_of(value: object) -> SizeHW:
    assert isinstance(value, (Image, ContinuousImage))
    return value.size_hw


def retina_pair(fixed: Image, moving: Image) -> GraphFinished:
    *_, last = run_graph(resolve(find_workflow("retina-pair")).bind({}), {"fixed": fixed, "moving": moving})
    assert isinstance(last, GraphFinished)
    return last


def test_a_pair_of_one_eye_has_a_verdict_beside_its_pictures() -> None:
    done = retina_pair(fundus(), seen_moved(MOVED))
    verdict = done.results["verdict"]
    assert isinstance(verdict, Report)
    assert verdict.words["status"] == "ok"


def test_of_two_eyes_only_the_verdict_is_left_with_its_reasons() -> None:
    done = retina_pair(fundus(), fundus(7))
    assert done.status == "partial"
    assert [name for name, made in done.results.items() if made] == ["verdict"]
    verdict = done.results["verdict"]
    assert isinstance(verdict, Report)
    assert verdict.words["status"] == "failed"
    assert all(verdict.notes[0] in one.cause for one in done.failures)
