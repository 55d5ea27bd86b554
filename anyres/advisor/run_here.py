"""The proposed workflow run on the user's picture, and what the answer then says of this very run."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from anyres.advisor.answer import Answer, RunFacts, Sentence
from anyres.advisor.cards import card_of, published_field
from anyres.advisor.phrases import phrases
from anyres.advisor.plan import PHOTO
from anyres.advisor.quoting import shown, shown_name
from anyres.advisor.sources import Source, Sources, Span
from anyres.core.budget import free_disk_bytes
from anyres.core.errors import InputError, error_of
from anyres.core.files import Limits, read_header, read_image
from anyres.core.image import Image
from anyres.core.memory import free_machine_bytes
from anyres.core.pixels import psnr
from anyres.core.resample import resize
from anyres.core.sizes import size_text
from anyres.models.catalog import find_weights, weights_paths
from anyres.operations.upscale import DEFAULT_MODEL, upscale
from anyres.workflow.document import Document, NodeEntry
from anyres.workflow.events import BatchEvent, BatchFinished
from anyres.workflow.folder import plan_items
from anyres.workflow.graph import resolve
from anyres.workflow.items import Item
from anyres.workflow.preflight import preflight
from anyres.workflow.run import run_batch
from anyres.workflow.store import seconds_a_megapixel

RUN: Final = "run"  # id of a run as a source
RDN_WEIGHTS: Final = ("rdn-liif", "rdn-liif-mmagic")  # the recommended method's published ones, if installed
LARGEST_CHECKED: Final = 64e6  # pixels of a result that is compared with its input
CHANGED: Final = 0.02  # of the range: a pixel that differs by more from bicubic counts as changed
_ENLARGED: Final = "enlarged"  # the output of the proposed document

OnProgress = Callable[[Item, float], None]


def with_run(
    answer: Answer,
    photo: Path,
    output: Path,
    *,
    overwrite: bool = False,
    limits: Limits | None = None,
    on_event: Callable[[BatchEvent], None] | None = None,
    on_progress: OnProgress | None = None,
) -> Answer:
    """The answer with the facts of its workflow, run on a picture.

    Raises:
        InputError: if nothing here can run the workflow, or the picture or the place of the result is wrong.
        RunError: if the work could not be finished.
        LimitError: if it does not fit memory or disk.
    """
    if answer.document is None:
        raise InputError(
            "There is no workflow to run: nothing here does what the answer proposes. Ask without --run."
        )
    weights = _weights_here()
    document = with_weights_here(answer.document)
    graph = resolve(document)
    scalars = {name: one.default for name, one in document.inputs.items() if name != PHOTO}
    item = Item({PHOTO: photo}, {_ENLARGED: output}, scalars)
    events = run_batch(
        graph, [item], overwrite=overwrite, limits=limits, is_resumable=False, on_progress=on_progress
    )
    for event in events:
        if on_event is not None:
            on_event(event)
    assert isinstance(event, BatchFinished)
    if event.failed:
        failed = event.failed[0]
        raise error_of(failed.exit_code, failed.reason)
    facts = _facts(read_image(photo, limits=limits), read_image(output, limits=_no_limits()), weights)
    return _told(replace(answer, document=document), facts, str(output))


def with_weights_here(document: Document) -> Document:
    """The document with the best weights that are installed here named, where they are not the default."""
    weights = _weights_here()
    if weights == DEFAULT_MODEL:
        return document
    nodes: dict[str, NodeEntry] = {
        name: replace(entry, parameters={**entry.parameters, "model": weights})
        for name, entry in document.nodes.items()
    }
    return replace(document, nodes=nodes)


def _weights_here() -> str:
    return next((name for name in RDN_WEIGHTS if name in weights_paths()), DEFAULT_MODEL)


def _no_limits() -> Limits:
    """For a file that this program has just written."""
    return Limits(max_megapixels=1e6, max_megabytes=1e6)


def _facts(before: Image, after: Image, weights: str) -> dict[str, str]:
    named = find_weights(weights)
    factor = (after.height * after.width / (before.height * before.width)) ** 0.5
    facts = {
        "name": "run",
        "weights": weights,
        "method": named.model.id,
        "before": size_text(before.size_hw),
        "after": size_text(after.size_hw),
        "factor": f"{factor:.4g}",
    }
    if after.height * after.width <= LARGEST_CHECKED:
        back = np.clip(resize(after.pixels, before.size_hw), 0, 1)
        facts["consistency_db"] = f"{min(psnr(back, before.pixels), 99.0):.1f}"
        bicubic = np.clip(resize(before.pixels, after.size_hw), 0, 1)
        changed = np.abs(after.pixels - bicubic).max(axis=-1) > CHANGED
        facts["changed_percent"] = f"{100 * float(changed.mean()):.1f}"
    measured = _measured(named.model.name, weights, facts["factor"])
    return facts | ({"set5_db": f"{measured:.2f}"} if measured is not None else {})


def _measured(model: str, weights: str, factor: str) -> float | None:
    """Our own PSNR on Set5 at that factor, from the figures that lie beside the model."""
    import anyres.models

    path = Path(str(anyres.models.__file__)).parent / model / "figures.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))[f"{weights} benchmark"]["figures"]["measured"]
    except (OSError, KeyError, ValueError):
        return None
    for entry in entries:
        if (entry["pictures"], entry["method"]) == ("set5", weights) and f"{entry['scale']:g}" == factor:
            return float(entry["psnr_db"])
    return None


def _told(answer: Answer, facts: dict[str, str], output: str) -> Answer:
    run = Source(RUN, "run", facts)
    second = [one for one in answer.sentences if one.part < 3]
    third = [one for one in answer.sentences if one.part == 3]
    return replace(
        answer,
        sentences=(*second, *_said(answer, run), *third),
        sources=Sources([*answer.sources.values(), run]),
        run=RunFacts({name: shown(value) for name, value in facts.items() if name != "name"}, (output,)),
    )


def _said(answer: Answer, run: Source) -> Iterator[Sentence]:
    """What is said of a run: what ran, sizes, agreement with the input, share of new detail."""
    facts, words = run.fields, phrases(answer.language).words
    recommended = answer.sources[answer.steps[0].source]
    is_compact = facts["weights"] == DEFAULT_MODEL

    def say(key: str, slots: Mapping[str, str], *names: str, more: tuple[Span, ...] = ()) -> Sentence:
        spans = tuple(run.span(name) for name in names)
        return Sentence(2, words[key].format(**slots), spans + more)

    why = words["run_compact"] if is_compact else ""
    named = {"recommended": shown_name(recommended), "weights": facts["weights"], "why": why}
    yield say("run_ran", named, "weights", more=(recommended.span("name"),))
    card = next((one for name in answer.sources if (one := card_of(answer.sources[name]))), None)
    field = published_field("Set5", facts["factor"])
    if is_compact and "set5_db" in facts and card is not None and field in card.source.fields:
        published, ours = float(card.source.fields[field]), float(facts["set5_db"])
        figures = {"ours": f"{ours:.2f}", "published": f"{published:.2f}", "less": f"{published - ours:.2f}"}
        figures |= {"scale": facts["factor"], "weights": facts["weights"]}
        yield say("run_less", figures, "set5_db", more=(card.source.span(field),))
    sizes = {name: facts[name] for name in ("before", "after", "factor")}
    yield say("run_sizes", sizes, "before", "after", "factor")
    if "consistency_db" in facts:
        yield say("run_check", {"consistency": facts["consistency_db"]}, "consistency_db")
        yield say("run_detail", {"detail": facts["changed_percent"]}, "changed_percent")


def result_path(answer: Answer, photo: Path) -> Path:
    """Where the result of a picture goes if nobody says: as `anyres upscale` names it, `photo.x2.png`."""
    assert answer.document is not None
    parameters = {"scale": answer.document.inputs["scale"].default}
    return plan_items(upscale, [photo], parameters=parameters).items[0].output


def with_forecast(answer: Answer, photo: Path, *, limits: Limits | None = None) -> Answer:
    """The answer with what its workflow would make of a picture, without running it.

    Raises:
        InputError: if the picture cannot be read.
        LimitError: if the result does not fit memory or disk; it names the largest scale that does.
    """
    assert answer.document is not None
    header = read_header(photo, limits=limits)
    graph = resolve(answer.document).bind({})
    forecast = preflight(
        graph,
        {PHOTO: header.size_hw},
        free_memory_bytes=free_machine_bytes(),
        free_disk_bytes=free_disk_bytes(photo.parent),
        times=seconds_a_megapixel(),
        suffixes={_ENLARGED: [result_path(answer, photo).suffix]},
    )
    node = forecast.nodes[-1]
    facts = {
        "name": "check",
        "before": size_text(header.size_hw),
        "after": size_text(node.sizes_hw[0]),
        "megapixels": f"{node.megapixels:.1f}",
    }
    run = Source(RUN, "run", facts)
    text = phrases(answer.language).words["forecast"].format(**facts)
    said = Sentence(2, text, tuple(run.span(name) for name in ("before", "after", "megapixels")))
    earlier = [one for one in answer.sentences if one.part < 3]
    later = [one for one in answer.sentences if one.part == 3]
    return replace(
        answer,
        sentences=(*earlier, said, *later),
        sources=Sources([*answer.sources.values(), run]),
    )
