import re
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import pytest

from anyres.core.errors import InputError, LimitError
from anyres.operations.upscale import upscale
from anyres.workflow.document import read_document
from anyres.workflow.events import NodeKind
from anyres.workflow.graph import Graph, graph_of, resolve
from anyres.workflow.preflight import Forecast, preflight

pytestmark = pytest.mark.usefixtures("nearest_model")
PLENTY = 10**15


def document(nodes: Mapping[str, Any], outputs: Mapping[str, str], **inputs: Any) -> Graph:
    declared = inputs or {"photo": {"type": "Image"}, "scale": {"type": "number", "default": 2}}
    parts = {"anyres_workflow": 1, "name": "test", "version": "1.0.0"}
    return resolve(read_document({**parts, "inputs": declared, "nodes": nodes, "outputs": outputs}))


def enlarging(source: str, **parameters: Any) -> dict[str, Any]:
    return {"operation": "upscale@1.0.0", "inputs": {"image": source}, "parameters": parameters}


def forecast_of(
    graph: Graph,
    sizes: Mapping[str, Any],
    *,
    memory: int = PLENTY,
    disk: int = PLENTY,
    times: Mapping[NodeKind, float] | None = None,
) -> Forecast:
    return preflight(graph, sizes, free_memory_bytes=memory, free_disk_bytes=disk, times=times or {})


@pytest.fixture
def chain() -> Graph:
    """Enlarged by the declared scale, then by 3 more."""
    nodes = {
        "first": enlarging("inputs.photo", scale={"from": "inputs.scale"}),
        "second": enlarging("first.result", scale=3),
    }
    return document(nodes, {"large": "second.result"})


def test_each_node_is_forecast_with_its_size_in_the_order_in_which_they_run(chain: Graph) -> None:
    forecast = forecast_of(chain.bind({"scale": 2.5}), {"photo": (10, 20)})
    assert [(node.id, node.sizes_hw) for node in forecast.nodes] == [
        ("first", ((25, 50),)),
        ("second", ((75, 150),)),
    ]
    assert forecast.nodes[1].megapixels == pytest.approx(75 * 150 / 1e6)


def test_a_result_that_only_goes_to_a_file_needs_disk_and_what_feeds_a_node_needs_memory(
    chain: Graph,
) -> None:
    forecast = forecast_of(chain.bind({}), {"photo": (10, 20)})
    photo, first, second = 200, 800, 7_200  # pixels
    assert forecast.nodes[0].memory_mb == pytest.approx(16 * (photo + first) / 1e6)
    assert forecast.nodes[1].memory_mb == pytest.approx(16 * (photo + first) / 1e6)
    assert forecast.disk_mb == pytest.approx(8 * second / 1e6)


def test_time_is_what_stored_runs_took_for_so_many_megapixels_and_unknown_without_them(chain: Graph) -> None:
    bound = chain.bind({})
    node = bound.nodes["first"]
    assert node.checked is not None
    kind = NodeKind("upscale@1.0.0", " ".join(upscale.weights_sha256(node.checked)))
    forecast = forecast_of(bound, {"photo": (1000, 1000)}, times={kind: 0.5})
    assert [node.time_s for node in forecast.nodes] == [pytest.approx(2.0), pytest.approx(18.0)]
    assert forecast.time_s == pytest.approx(20.0)
    assert forecast_of(bound, {"photo": (1000, 1000)}).time_s is None


def test_too_large_for_the_memory_names_the_node_and_the_largest_scale_that_fits(chain: Graph) -> None:
    sizes = {"photo": (1000, 1000)}
    with pytest.raises(LimitError, match=r"Node first .*of memory") as refused:
        forecast_of(chain.bind({"scale": 30}), sizes, memory=10**9)
    found = re.search(r"The largest scale that fits is ([\d.]+)", str(refused.value))
    assert found is not None
    largest = float(found[1])
    forecast_of(chain.bind({"scale": largest}), sizes, memory=10**9)
    with pytest.raises(LimitError):
        forecast_of(chain.bind({"scale": round(largest + 0.01, 2)}), sizes, memory=10**9)


def test_too_large_for_the_disk_names_the_node_and_the_largest_scale_that_fits(chain: Graph) -> None:
    sizes = {"photo": (1000, 1000)}
    with pytest.raises(LimitError, match=r"Node second .*of the disk") as refused:
        forecast_of(chain.bind({"scale": 30}), sizes, disk=10**9)
    largest = float(str(refused.value).rpartition("fits is ")[2].split(" ")[0])
    assert forecast_of(chain.bind({"scale": largest}), sizes, disk=10**9).disk_mb <= 1000
    with pytest.raises(LimitError):
        forecast_of(chain.bind({"scale": round(largest + 0.01, 2)}), sizes, disk=10**9)


def test_thirty_times_a_picture_of_4096_is_refused_with_the_largest_scale_and_no_model_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def opened(door: str) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("anyres.operations.upscale.load_door", opened)
    with pytest.raises(LimitError, match="scale of node upscale that fits is") as refused:
        forecast_of(graph_of(upscale, {"scale": 30}), {"image": (4096, 4096)}, disk=20 * 10**9)
    assert "122880x122880" in str(refused.value)


def test_a_scale_that_stands_in_a_node_is_the_one_that_is_named(chain: Graph) -> None:
    graph = document({"large": enlarging("inputs.photo", longest=90_000)}, {"out": "large.result"})
    with pytest.raises(LimitError, match=r"scale of node large that fits is 10\b"):
        forecast_of(graph.bind({}), {"photo": (1000, 1000)}, disk=800 * 10**6)


def test_a_picture_that_is_too_large_at_any_scale_is_refused_without_naming_one(chain: Graph) -> None:
    with pytest.raises(LimitError, match="No scale is small enough"):
        forecast_of(chain.bind({}), {"photo": (30_000, 30_000)}, memory=10**9)


def test_a_branch_that_no_output_needs_is_not_forecast() -> None:
    nodes = {"used": enlarging("inputs.photo"), "unused": enlarging("inputs.photo", scale=50)}
    graph = document(nodes, {"out": "used.result"})
    assert [node.id for node in forecast_of(graph.bind({}), {"photo": (9, 9)}).nodes] == ["used"]


def test_a_list_that_is_mapped_into_files_holds_one_element_at_a_time() -> None:
    nodes = {"all": {**enlarging("inputs.photos"), "each": ["image"]}}
    graph = document(nodes, {"out": "all.result"}, photos={"type": "list[Image]"})
    (node,) = forecast_of(graph.bind({}), {"photos": [(10, 10), (20, 20)]}).nodes
    assert node.sizes_hw == ((20, 20), (40, 40))
    assert node.memory_mb == pytest.approx(16 * 400 / 1e6)


def test_an_input_without_a_size_is_bad_input(chain: Graph) -> None:
    with pytest.raises(InputError, match="photo"):
        forecast_of(chain.bind({}), {})


def test_what_a_format_cannot_say_is_refused_with_the_largest_scale_that_fits_it_too(chain: Graph) -> None:
    sizes, suffixes = {"photo": (1000, 2000)}, {"large": [".webp"]}

    def forecast(scale: float) -> Forecast:
        bound = chain.bind({"scale": scale})
        return preflight(
            bound, sizes, free_memory_bytes=PLENTY, free_disk_bytes=PLENTY, times={}, suffixes=suffixes
        )

    with pytest.raises(LimitError, match=r"Node second .*48000x24000 .*\.webp.*16383 pixels") as refused:
        forecast(8)
    assert "The largest scale that fits is 2.73 (16380x8190); .tif and .png hold more." in str(refused.value)
    forecast(2.73)
    with pytest.raises(LimitError):
        forecast(2.74)


def test_each_element_of_a_list_is_held_against_its_own_format() -> None:
    nodes = {"all": {**enlarging("inputs.photos"), "each": ["image"]}}
    graph = document(nodes, {"out": "all.result"}, photos={"type": "list[Image]"}).bind({})
    sizes = {"photos": [(10, 40_000), (10, 10)]}
    for suffixes, is_refused in (([".png", ".jpg"], False), ([".jpg", ".png"], True)):
        with pytest.raises(LimitError, match=r"80000x20") if is_refused else nullcontext():
            preflight(
                graph,
                sizes,
                free_memory_bytes=PLENTY,
                free_disk_bytes=PLENTY,
                times={},
                suffixes={"out": suffixes},
            )


def test_no_scale_is_named_that_the_document_does_not_take() -> None:
    nodes = {"large": enlarging("inputs.photo", scale={"from": "inputs.scale"})}
    declared = {"type": "number", "default": 2, "minimum": 1, "maximum": 30}
    graph = document(nodes, {"out": "large.result"}, photo={"type": "Image"}, scale=declared)
    with pytest.raises(LimitError, match="No scale is small enough"):
        forecast_of(graph.bind({}), {"photo": (1000, 1000)}, disk=7_900_000)
    with pytest.raises(LimitError, match=r"The largest scale that fits is 1 \(1000x1000\)"):
        forecast_of(graph.bind({}), {"photo": (1000, 1000)}, disk=8_000_000)


def test_what_the_user_can_set_is_named_whatever_it_is_called() -> None:
    nodes = {
        "large": enlarging("inputs.photo", longest={"from": "inputs.side"}),
        "cut": {
            "operation": "crop@1.0.0",
            "inputs": {"image": "large.result"},
            "parameters": {"width": 10, "height": 10},
        },
    }
    side = {"type": "integer", "default": 1000, "minimum": 5}
    graph = document(nodes, {"out": "large.result", "cut": "cut.result"}, photo={"type": "Image"}, side=side)
    with pytest.raises(LimitError, match=r"The largest side that fits is 316 \(316x316\)\."):
        forecast_of(graph.bind({}), {"photo": (100, 100)}, disk=8 * 316**2)
    with pytest.raises(LimitError, match="No side is small enough"):  # at 5 there is nothing to cut
        forecast_of(graph.bind({}), {"photo": (100, 100)}, disk=8 * 9**2)


def test_a_target_that_is_no_number_is_not_replaced_by_one() -> None:
    nodes = {"large": enlarging("inputs.photo", size={"from": "inputs.box"})}
    box = {"type": "text", "default": "2000x2000"}
    graph = document(nodes, {"out": "large.result"}, photo={"type": "Image"}, box=box)
    with pytest.raises(LimitError, match="ask for a smaller result"):
        forecast_of(graph.bind({}), {"photo": (100, 100)}, disk=1000)


def test_a_branch_that_a_size_rule_refuses_is_said_and_the_others_are_forecast() -> None:
    outside = {
        "operation": "crop@1.0.0",
        "inputs": {"image": "inputs.photo"},
        "parameters": {"left": 5000},
    }
    nodes = {"good": enlarging("inputs.photo"), "bad": outside, "after": enlarging("bad.result")}
    graph = document(nodes, {"out": "good.result", "cut": "after.result"}).bind({})
    forecast = forecast_of(graph, {"photo": (10, 10)})
    assert [node.id for node in forecast.nodes] == ["good"]
    assert len(forecast.refusals) == 1
    assert "Node bad: The box" in forecast.refusals[0]
    with pytest.raises(InputError, match="Node bad: The box"):
        forecast_of(document(nodes, {"cut": "after.result"}).bind({}), {"photo": (10, 10)})


def test_an_encoder_that_takes_the_whole_picture_needs_memory(chain: Graph) -> None:
    def memory_mb(suffix: str) -> float:
        return preflight(
            chain.bind({}),
            {"photo": (10, 20)},
            free_memory_bytes=PLENTY,
            free_disk_bytes=PLENTY,
            times={},
            suffixes={"large": [suffix]},
        ).memory_mb

    assert memory_mb(".webp") - memory_mb(".png") == pytest.approx(18 * 60 * 120 / 1e6)
