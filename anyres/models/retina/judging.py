"""Whether a map between two photographs is to be trusted: `ok`, `low_confidence` or `failed`, and why.

Each test is one limit on the evidence. A limit that a right map cannot pass makes it failed; one that a
right map may pass makes it of low confidence. Beside them stands a probability, from a logistic model that
tools/calibrate_registration.py fits for each engine to pairs of made eyes (judging.toml); an engine that it
was not fitted for has that of `rootsift`. How sure it is of photographs of real eyes, nobody has measured.
A wrong map that is called ok is worse than ten right ones that are not: every limit is on the cautious
side.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from anyres.models.retina.evidence import Evidence

Status = Literal["ok", "low_confidence", "failed"]
FALLBACK: Final = "rootsift"  # engine whose model is taken for one that has none
COEFFICIENTS: Final = Path(__file__).parent / "judging.toml"
FEWEST_INLIERS: Final = 9  # of a map at all; 118 pairs of different eyes (CHASE_DB1) gave up to 7 by chance
OK_INLIERS: Final = 12
OK_COVERAGE: Final = 0.15  # of the overlap
SCALES: Final = (0.5, 2.0)  # of lengths: no two fundus cameras differ by more
OK_POLE_DISTANCE: Final = 0.3  # a camera that is tilted by 20 degrees stays above 0.7
OK_RETURN: Final = 0.02  # of the field of view
OK_OVERLAP: Final = 0.1  # of the field of view
FEWEST_PEAK, OK_PEAK = 2.5, 4.0  # standard deviations by which vessels agree here and not around
OK_AGREEMENT: Final = 0.15  # correlation of the vessel maps
OK_PROBABILITY, FAILED_PROBABILITY = 0.93, 0.3  # an engine's table may ask for more to be ok


@dataclass(frozen=True)
class Verdict:
    """How far to trust a map, and a plain sentence for everything that speaks against it."""

    status: Status
    probability: float  # that the map is right, 0 where that is impossible
    reasons: tuple[str, ...]


def judge(evidence: Evidence, engine: str = FALLBACK) -> Verdict:
    """The verdict on a map that an engine's matches gave; without reasons if it is ok."""
    probability = probability_right(evidence, engine)
    if impossible := _impossible(evidence):
        return Verdict("failed", 0.0, impossible)
    all_in_all = f"All in all the alignment is right with a probability of only {probability:.2f}."
    if probability < FAILED_PROBABILITY:
        return Verdict("failed", probability, (*_doubtful(evidence), all_in_all))
    if doubtful := _doubtful(evidence):
        return Verdict("low_confidence", probability, doubtful)
    if probability < _model(engine).ok:
        return Verdict("low_confidence", probability, (all_in_all,))
    return Verdict("ok", probability, ())


def probability_right(evidence: Evidence, engine: str = FALLBACK) -> float:
    """From 0 to 1, by the engine's logistic model of judging.toml."""
    model, values = _model(engine), features(evidence)
    score = model.constant + sum(weight * values[name] for name, weight in model.weights.items())
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, score))))  # beyond 50, float64 knows only 0 and 1


def features(evidence: Evidence) -> dict[str, float]:
    """What the logistic model weighs, by the names that judging.toml has."""
    return {
        "inliers": math.log1p(evidence.inlier_count),
        "inlier_share": evidence.inlier_share,
        "coverage": evidence.coverage,
        "residual": min(evidence.residual, 0.1),  # infinite where nothing agrees
        "agreement": evidence.agreement,
        "agreement_peak": min(evidence.agreement_peak, 20.0),
    }


def features_by_sign() -> dict[str, int]:
    """Names of the features, and whether more of each speaks for a map (1) or against it (-1)."""
    return {
        "inliers": 1,
        "inlier_share": 1,
        "coverage": 1,
        "residual": -1,
        "agreement": 1,
        "agreement_peak": 1,
    }


def _impossible(evidence: Evidence) -> tuple[str, ...]:
    """Sentences on what no right map shows; of a map that chance would give as well, this one alone."""
    if evidence.inlier_count < FEWEST_INLIERS:
        return (
            f"Only {evidence.inlier_count} of {evidence.match_count} places that look alike agree on one "
            f"alignment; {FEWEST_INLIERS} is the least.",
        )
    low, high = SCALES
    tests = (
        (
            evidence.mirrored > 0,
            "The alignment turns the picture inside out: one is mirrored, or they show different eyes.",
        ),
        (
            not (evidence.smallest_scale >= low and evidence.largest_scale <= high),
            f"The alignment stretches the picture by {evidence.smallest_scale:.2f} to "
            f"{evidence.largest_scale:.2f}; two cameras differ by {low:g} to {high:g} at most.",
        ),
        (
            evidence.pole_distance <= 0,
            "The alignment sends a part of the picture to infinity.",
        ),
        (evidence.overlap == 0, "Aligned, the pictures have no part in common."),
        (
            evidence.agreement_peak < FEWEST_PEAK,
            "Aligned, the vessels lie on each other no better than a little beside.",
        ),
    )
    return tuple(sentence for is_so, sentence in tests if is_so)


def _doubtful(evidence: Evidence) -> tuple[str, ...]:
    """Sentences on what few right maps show."""
    tests = (
        (
            FEWEST_INLIERS <= evidence.inlier_count < OK_INLIERS,
            f"Only {evidence.inlier_count} places agree on the alignment; {OK_INLIERS} are enough.",
        ),
        (
            evidence.coverage < OK_COVERAGE,
            f"The places that agree cover {evidence.coverage:.0%} of what both pictures show; "
            f"{OK_COVERAGE:.0%} is enough.",
        ),
        (
            0 < evidence.pole_distance < OK_POLE_DISTANCE,
            "The alignment tilts the picture more than a camera is ever tilted.",
        ),
        (
            not evidence.return_error <= OK_RETURN,
            "There and back, places come out elsewhere: the alignment is not determined everywhere.",
        ),
        (
            0 < evidence.overlap < OK_OVERLAP,
            f"Aligned, the pictures have only {evidence.overlap:.0%} in common.",
        ),
        (
            FEWEST_PEAK <= evidence.agreement_peak < OK_PEAK or evidence.agreement < OK_AGREEMENT,
            "Aligned, the vessels lie on each other only in part.",
        ),
        (
            evidence.agreement < evidence.agreement_before,
            "The vessels lay on each other better before the alignment.",
        ),
    )
    return tuple(sentence for is_so, sentence in tests if is_so)


@dataclass(frozen=True)
class LogisticModel:
    """An engine's table of judging.toml."""

    constant: float
    weights: Mapping[str, float]  # by feature
    ok: float = OK_PROBABILITY  # least probability of a map that is ok; no wrong one it was fitted to has it


def _model(engine: str) -> LogisticModel:
    models = _models()
    return models.get(engine, models[FALLBACK])


@cache
def _models() -> Mapping[str, LogisticModel]:
    raw = tomllib.loads(COEFFICIENTS.read_text(encoding="utf-8"))
    return {
        engine: LogisticModel(
            float(table["constant"]),
            {name: float(weight) for name, weight in table["weights"].items()},
            float(table.get("ok", OK_PROBABILITY)),
        )
        for engine, table in raw.items()
    }
