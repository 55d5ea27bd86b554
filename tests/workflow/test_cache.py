import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from pydantic import Field

from anyres.core.image import Encoding, Image, Rows
from anyres.core.sizes import SizeHW
from anyres.operations.operation import OPERATIONS, Operation, operation
from anyres.workflow.cache import Cache, default_folder, value_key
from anyres.workflow.document import read_document
from anyres.workflow.events import GraphFinished, NodeDone
from anyres.workflow.graph import Graph, graph_of, resolve
from anyres.workflow.graph_run import LoadedInput, run_graph
from tests.workflow.small_operations import declared_inside

RUNS: Counter[float] = Counter()  # of nodes, by their parameter


def same_size(*sizes_hw: Any) -> SizeHW:
    return sizes_hw[0]  # type: ignore[no-any-return]


def mean_of(pictures: Any, **how: Any) -> Any:
    return np.mean(pictures, **how)


def first_size(sizes_hw: tuple[SizeHW, ...]) -> SizeHW:
    return sizes_hw[0]


@pytest.fixture(autouse=True)
def operations() -> Iterator[None]:
    RUNS.clear()
    with declared_inside(declare):
        yield


def declare() -> None:
    @operation(version="1.0.0", size=same_size)
    def dim(image: Image, *, amount: Annotated[float, Field(ge=0, le=1)] = 0.5) -> Rows:
        """Less light."""

        def stripes() -> Iterator[np.ndarray]:
            RUNS[amount] += 1
            for row in image.pixels:
                yield row[None] * np.float32(amount)

        return Rows(image.size_hw, False, image.encoding, stripes())

    @operation(version="1.0.0", size=first_size)
    def mean(images: tuple[Image, ...]) -> Image:
        """The mean of pictures."""
        RUNS[-1] += 1
        return Image(mean_of([image.pixels for image in images], axis=0, dtype=np.float32))


def six(third: float = 0.3) -> Graph:
    """Six nodes: 1 and 2 lead to 3, 3 to 5, 4 stands alone; all of it ends in one."""
    nodes: dict[str, Any] = {}
    before = {
        "n1": "inputs.photo",
        "n2": "n1.result",
        "n3": "n2.result",
        "n4": "n1.result",
        "n5": "n3.result",
    }
    amounts = {"n1": 0.1, "n2": 0.2, "n3": third, "n4": 0.4, "n5": 0.5}
    for name, source in before.items():
        nodes[name] = {
            "operation": "dim@1.0.0",
            "inputs": {"image": source},
            "parameters": {"amount": amounts[name]},
        }
    nodes["n6"] = {"operation": "mean@1.0.0", "inputs": {"images": ["n4.result", "n5.result"]}}
    document = {
        "anyres_workflow": 1,
        "name": "six",
        "version": "1.0.0",
        "inputs": {"photo": {"type": "Image"}},
        "nodes": nodes,
        "outputs": {"end": "n6.result"},
    }
    return resolve(read_document(document)).bind({})


def photo(value: float = 0.5) -> Image:
    return Image(np.linspace(0, value, 4 * 6 * 3, dtype=np.float32).reshape(4, 6, 3))


def result_of(graph: Graph, cache: Cache, picture: object = None) -> Image:
    (name,) = (one for one, declared in graph.inputs.items() if not declared.is_scalar)
    *_, finished = run_graph(graph, {name: picture or photo()}, cache=cache)
    assert isinstance(finished, GraphFinished)
    assert finished.status == "done", finished.failures
    (result,) = finished.results.values()
    assert isinstance(result, Image)
    return result


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def dim() -> Operation[..., Any]:
    return OPERATIONS["dim"]


def test_editing_one_parameter_runs_only_what_comes_after_it(cache: Cache) -> None:
    result_of(six(), cache)
    assert RUNS == {0.1: 1, 0.2: 1, 0.3: 1, 0.4: 1, 0.5: 1, -1: 1}
    edited = result_of(six(third=0.7), cache)
    assert RUNS == {0.1: 1, 0.2: 1, 0.3: 1, 0.4: 1, 0.7: 1, 0.5: 2, -1: 2}
    np.testing.assert_array_equal(
        edited.pixels, result_of(six(third=0.7), Cache(cache.folder / "new")).pixels
    )


def test_the_same_again_runs_nothing_and_says_where_it_is_from(cache: Cache) -> None:
    first = result_of(six(), cache)
    runs = RUNS.total()
    events = list(run_graph(six(), {"photo": photo()}, cache=cache))
    assert RUNS.total() == runs
    assert [one.is_from_cache for one in events if isinstance(one, NodeDone)] == [True]
    assert isinstance(events[-1], GraphFinished)
    end = events[-1].results["end"]
    assert isinstance(end, Image)
    np.testing.assert_array_equal(end.pixels, first.pixels)


def test_hits_survive_the_object_and_with_it_the_process(cache: Cache) -> None:
    result_of(six(), cache)
    runs = RUNS.total()
    result_of(six(), Cache(cache.folder))
    assert RUNS.total() == runs


@pytest.mark.parametrize("changed", ["version", "code", "input", "weights"])
def test_what_decides_a_result_is_in_its_key(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    result_of(graph_of(dim(), {}), cache)
    if changed == "version":
        monkeypatch.setattr(dim(), "version", "1.0.1")
    elif changed == "code":
        monkeypatch.setattr(dim(), "code_sha256", "0" * 64)
    elif changed == "weights":
        monkeypatch.setattr(dim(), "_weights", lambda: ["0" * 64])
    result_of(graph_of(dim(), {}), cache, photo(0.7) if changed == "input" else None)
    assert RUNS[0.5] == 2


def test_a_file_is_known_by_its_hash_and_not_even_read(cache: Cache) -> None:
    reads: list[int] = []

    def read() -> Image:
        reads.append(1)
        return photo()

    for _ in range(2):
        result_of(graph_of(dim(), {}), cache, LoadedInput(read, "a" * 64, "a.png"))
    assert (len(reads), RUNS[0.5]) == (1, 1)


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_damaged_entry_is_a_miss(cache: Cache, damage: str) -> None:
    graph = graph_of(dim(), {})
    first = result_of(graph, cache)
    (entry,) = cache.folder.iterdir()
    content = bytearray(entry.read_bytes())
    content[-10] ^= 1
    entry.write_bytes({"cut": bytes(content[:-20]), "changed": bytes(content), "empty": b""}[damage])
    np.testing.assert_array_equal(result_of(graph, cache).pixels, first.pixels)
    assert RUNS[0.5] == 2
    result_of(graph, cache)
    assert RUNS[0.5] == 2


def entry_of(cache: Cache, key: str) -> Path:
    return cache.folder / f"{key}.value"


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, max_bytes=11_000)
    image = Image(np.zeros((10, 15, 3), np.float32))  # 1,800 bytes
    for number, key in enumerate("abcde"):
        cache.put(key, image)
        os.utime(entry_of(cache, key), ns=(0, number))
    assert cache.get("a") is not None  # used now
    cache.put("f", image)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["a", "d", "e", "f"]


def test_a_result_too_large_for_the_folder_is_not_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", max_bytes=4_000)
    cache.put("a", Image(np.zeros((10, 15, 3), np.float32)))
    assert cache.get("a") is None


def test_rows_are_recorded_while_they_stream_and_read_back_bit_for_bit(cache: Cache) -> None:
    values = np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32)
    rows = Rows((6, 2), False, Encoding(), iter([values[:2], values[2:6]]))
    taken = cache.recorded("key", rows).checked_stripes()
    np.testing.assert_array_equal(next(taken), values[:2])
    assert cache.get("key") is None
    np.testing.assert_array_equal(next(taken), values[2:6])
    assert next(taken, None) is None
    back = cache.get("key")
    assert isinstance(back, Rows)
    assert np.concatenate(list(back.checked_stripes())).tobytes() == values.tobytes()


def test_rows_that_nobody_took_to_the_end_leave_nothing(cache: Cache) -> None:
    rows = cache.recorded("key", Rows.of(photo()))
    stripes = rows.stripes
    next(stripes)
    stripes.close()  # type: ignore[attr-defined]
    assert list(cache.folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_keeps_nothing_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    result_of(six(), Cache(tmp_path / "file" / "cache"))
    assert RUNS.total() == 6


def test_rests_of_killed_runs_go_after_a_day(cache: Cache) -> None:
    cache.folder.mkdir()
    old, young = cache.folder / ".a.part", cache.folder / ".b.part"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    cache.put("key", photo())
    assert not old.exists()
    assert young.exists()


def test_equal_pictures_have_one_key_and_any_difference_another() -> None:
    assert value_key(photo()) == value_key(photo())
    other = Image(photo().pixels, encoding=Encoding(depth=16))
    assert len({value_key(photo()), value_key(photo(0.6)), value_key(other)}) == 3


def test_the_folder_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert default_folder().name == "workflow-cache"
    monkeypatch.setenv("ANYRES_CACHE", str(tmp_path))
    assert Cache().folder == tmp_path
