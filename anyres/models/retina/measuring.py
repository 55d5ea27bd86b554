"""What one registration of a measured pair gave, and figures of many: FIRE's, and those of the verdict.

Errors are in FIRE-equivalent pixels: those of a picture of 2912 a side. A map is right when every point that
the truth gives lies within 2 percent of the side of where it should (58 pixels of 2912). What is kept in
files is judged anew when it is read, by the judging.toml of then.
Axes: p pairs, n points.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from jaxtyping import Bool, Float64

from anyres.core.errors import InputError
from anyres.models.retina.evidence import Evidence
from anyres.models.retina.fire import FIRE_SIDE, PairError, area_under_curve
from anyres.models.retina.judging import Status, features, judge
from anyres.models.retina.preparing import Prepared
from anyres.models.retina.registration import register
from anyres.models.retina.sift import Detector

RIGHT: Final = 0.02  # of the side
_FAILED_ERROR: Final = 1e6
FIRE_VERDICTS: Final = ("failed", "inaccurate", "acceptable")
_BINS: Final = 10  # of a reliability diagram
_DRAWS: Final = 2000  # of the bootstrap

Points = Float64[np.ndarray, "n 2"]
Truth = tuple[Points, Points]  # the same places on the moving and on the fixed photograph


@dataclass(frozen=True)
class PairRecord:
    """One pair, registered."""

    name: str
    kind: str  # class: S, P, A, or N for two different eyes
    status: Status
    probability: float
    mean: float | None  # error; None without a map, or without a truth
    median: float | None
    maximum: float | None
    inliers: int
    seconds: float  # of registering, without reading and preparing
    features: Mapping[str, float] | None  # what the probability was made from
    evidence: Mapping[str, int | float] | None = None  # what the verdict was made from; older files lack it

    @property
    def is_right(self) -> bool:
        """Whether the map is right everywhere that the truth is known; never of two different eyes."""
        return self.maximum is not None and self.maximum <= RIGHT * FIRE_SIDE

    @property
    def counts_as(self) -> Literal["failed", "inaccurate", "acceptable"]:
        """What FIRE's protocol calls it."""
        return PairError(self.name, "S", self.mean, self.median, self.maximum).verdict  # of any category

    def judged(self, engine: str) -> "PairRecord":
        """The same with the verdict that the engine's table gives today; as it is without evidence."""
        if self.evidence is None:
            return self
        verdict = judge(Evidence(**self.evidence), engine)  # type: ignore[arg-type]
        return replace(self, status=verdict.status, probability=verdict.probability)


def measure_pair(
    name: str, kind: str, fixed: Prepared, moving: Prepared, truth: Truth | None, detector: Detector
) -> PairRecord:
    """Register a pair and compare with the truth; two different eyes have none."""
    started = time.perf_counter()
    found = register(fixed, moving, detector)
    seconds = time.perf_counter() - started
    errors = None
    if found.transform is not None and truth is not None:
        placed = found.transform.apply(truth[0])
        distance = np.linalg.norm(placed - truth[1], axis=1) * FIRE_SIDE / max(fixed.size_hw)
        errors = np.where(np.isfinite(distance), distance, _FAILED_ERROR)
    evidence = found.evidence
    return PairRecord(
        name=name,
        kind=kind,
        status=found.status,
        probability=found.probability,
        mean=None if errors is None else float(errors.mean()),
        median=None if errors is None else float(np.median(errors)),
        maximum=None if errors is None else float(errors.max()),
        inliers=int(found.agree.sum()),
        seconds=seconds,
        features=None if evidence is None else features(evidence),
        evidence=None if evidence is None else asdict(evidence),
    )


def recorded(
    path: Path, names: Sequence[str], measure: Callable[[str], PairRecord], *, engine: str
) -> Iterator[PairRecord]:
    """Records of pairs by name, from a file of JSON lines; those that it lacks are measured and added.

    Raises:
        InputError: if the file holds something else.
    """
    known = {name: record.judged(engine) for name, record in read_records(path).items()}
    for name in names:
        if name not in known:
            known[name] = measure(name)
            _add_line(path, json.dumps(asdict(known[name])))
        yield known[name]


def read_records(path: Path) -> dict[str, PairRecord]:
    """Records of a file by name; none if it is not there. Half a last line, of a killed run, is none.

    Raises:
        InputError: if another line is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
        records = [PairRecord(**json.loads(line)) for line in lines]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} holds no records of registrations: {error}. Remove it.") from error
    return {one.name: one for one in records}


def _add_line(path: Path, line: str) -> None:
    """Add a line after the last whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(line.encode() + b"\n")


def figures_of(records: Sequence[PairRecord], *, seed: int = 0) -> dict[str, Any]:
    """All figures of an engine.

    Returns:
        For each class with a truth: pairs, AUC (strict, thresholds 1 to 25), shares that FIRE's protocol
        calls failed, inaccurate, acceptable, shares that are ok or of low confidence (the others are
        refused), and how many wrong maps were called ok. `mauc` with a 95 % interval of the bootstrap over
        pairs. Of the verdict: `auroc` of the probability, `negatives_ok` of `negatives`,
        `false_accepts_at_95`, `ece` and the `bins` that it is of: how many, the mean of what is said, the
        share that is right.
    """
    classes: dict[str, Any] = {}
    for kind in sorted({one.kind for one in records} - {"N"}):
        own = [one for one in records if one.kind == kind]
        classes[kind] = {
            "pairs": len(own),
            "auc": round(area_under_curve(_means(own)), 4),
            "median_error": round(float(np.median(_means(own))), 3),
            **{name: _share([one.counts_as == name for one in own]) for name in FIRE_VERDICTS},
            "ok": _share([one.status == "ok" for one in own]),
            "low_confidence": _share([one.status == "low_confidence" for one in own]),
            "wrong_but_ok": sum(one.status == "ok" and not one.is_right for one in own),
        }
    found: dict[str, Any] = {"classes": classes, "mauc": round(mean_auc(records), 4)}
    low, high = mauc_interval([records], lambda sides: mean_auc(sides[0]), seed=seed)
    found["mauc_interval"] = [round(low, 4), round(high, 4)]
    found["seconds"] = round(float(np.mean([one.seconds for one in records])), 3)
    return found | verdict_figures(records)


def verdict_figures(records: Sequence[PairRecord]) -> dict[str, Any]:
    """How well status and probability tell right maps from wrong ones and from different eyes."""
    right = np.array([one.is_right for one in records])
    probability = np.array([one.probability for one in records])
    negatives = [one for one in records if one.kind == "N"]
    found: dict[str, Any] = {
        "negatives": len(negatives),
        "negatives_ok": sum(one.status == "ok" for one in negatives),
        "ece": round(calibration_error(probability, right), 4),
        "bins": reliability(probability, right),
    }
    if right.any() and not right.all():
        found["auroc"] = round(auroc(probability, right), 4)
        limit = np.quantile(probability[right], 0.05)
        found["false_accepts_at_95"] = _share((probability[~right] >= limit).tolist())
    return found


def auroc(score: Float64[np.ndarray, " p"], is_so: Bool[np.ndarray, " p"]) -> float:
    """The chance that one that is so has a higher score than one that is not; equal scores count half."""
    yes, no = score[is_so], score[~is_so]
    above = (yes[:, None] > no).mean()
    return float(above + 0.5 * (yes[:, None] == no).mean())


def calibration_error(probability: Float64[np.ndarray, " p"], is_so: Bool[np.ndarray, " p"]) -> float:
    """Mean distance between what is said and what is so, over ten bins of what is said."""
    gaps = [count * abs(said - so) for count, said, so in reliability(probability, is_so)]
    return float(np.sum(gaps) / max(1, len(probability)))


def reliability(
    probability: Float64[np.ndarray, " p"], is_so: Bool[np.ndarray, " p"]
) -> list[tuple[int, float, float]]:
    """Of each tenth of [0, 1] that holds some: how many, the mean of what is said, the share that is so."""
    places = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    each = [places == one for one in range(_BINS)]
    return [
        (int(here.sum()), float(probability[here].mean()), float(is_so[here].mean()))
        for here in each
        if here.any()
    ]


def mean_auc(records: Sequence[PairRecord]) -> float:
    """Mean of the classes' areas under the curve."""
    kinds = sorted({one.kind for one in records} - {"N"})
    return float(
        np.mean([area_under_curve(_means([one for one in records if one.kind == kind])) for kind in kinds])
    )


def mauc_interval(
    sides: Sequence[Sequence[PairRecord]],
    figure: Callable[[Sequence[Sequence[PairRecord]]], float],
    *,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % interval of a figure of engines that registered the same pairs, over pairs drawn anew.

    Pairs are drawn within their class, the same ones for all engines: a paired bootstrap.
    """
    generator = np.random.default_rng(seed)
    by_name = [{one.name: one for one in side} for side in sides]
    names = {
        kind: [one.name for one in sides[0] if one.kind == kind]
        for kind in sorted({one.kind for one in sides[0]} - {"N"})
    }
    drawn = []
    for _ in range(_DRAWS):
        chosen = [name for own in names.values() for name in generator.choice(own, len(own))]
        drawn.append(figure([[known[name] for name in chosen] for known in by_name]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def _means(records: Sequence[PairRecord]) -> Float64[np.ndarray, " p"]:
    return np.array([_FAILED_ERROR if one.mean is None else one.mean for one in records])


def _share(given: Sequence[bool]) -> float:
    return round(float(np.mean(given)), 4)
