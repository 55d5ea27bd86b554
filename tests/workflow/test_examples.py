import numpy as np
import pytest

from anyres.core.image import Image
from anyres.core.results import ContinuousImage
from anyres.core.sizes import SizeHW
from anyres.workflow.document import document_text, graph_sha256, read_document
from anyres.workflow.events import GraphFinished
from anyres.workflow.finding import example_names, find_workflow
from anyres.workflow.graph import Graph, inferred_sizes, resolve
from anyres.workflow.graph_run import run_graph

SIZE_HW = (48, 56)
RESULTS: dict[
    str, dict[str, SizeHW | list[SizeHW]]
] = {  # of a picture of SIZE_HW; of two where a list is taken
    "compare-three-models": {"sheet": (152, 408)},
    "crop-and-paste": {"pasted": (192, 224)},
    "encode-once": {"whole": (96, 112), "corner": (96, 96), "inside": (96, 96)},
    "enlarge-photo": {"enlarged": (96, 112)},
    "folder-to-2048": {"resized": [(110, 128), (110, 128)]},
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
    values = {port: [photo(), photo()] if is_list else photo() for port, is_list in flows(graph)}
    sizes = {port: [SIZE_HW, SIZE_HW] if is_list else SIZE_HW for port, is_list in flows(graph)}
    *_, last = run_graph(graph, values)
    assert isinstance(last, GraphFinished)
    assert last.status == "done", last.failures
    predicted = inferred_sizes(graph, sizes)
    for output, source in graph.outputs.items():
        made = last.results[output]
        real = [size_of(one) for one in made] if isinstance(made, (list, tuple)) else size_of(made)
        assert real == RESULTS[name][output]
        assert predicted[source.node or ""] == (tuple(real) if isinstance(real, list) else real)


def size_of(value: object) -> SizeHW:
    assert isinstance(value, (Image, ContinuousImage))
    return value.size_hw
