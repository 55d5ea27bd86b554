"""Fits the probability that a registration is right: a logistic model for an engine, into judging.toml.

Registers pairs of made eyes of the training style that nothing was trained on or chosen by, right where all
control points lie within 2 percent of the side, and different eyes, which are never right. Neither test eyes
nor photographs are used. Each pair comes as it is and spoilt to several levels, because on good photographs
right and wrong are so far apart that nothing between them would be learned. Weights are held small, and none
may speak the wrong way round. What is ok lies above all wrong maps of these that no other test excludes.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64
from scipy.optimize import minimize

sys.path.insert(0, str(Path(__file__).parents[1]))

from anyres.core.machine import command_line
from anyres.models.retina.evaluation import CLASSES, synthetic_records
from anyres.models.retina.judging import COEFFICIENTS, OK_PROBABILITY, LogisticModel, features_by_sign
from anyres.models.retina.measuring import PairRecord, auroc
from tools.timing import say

WEAR = (0, 2, 3, 4, 5)  # levels of spoiling; see relighting.worn
PENALTY = 0.002  # of squared weights, in units of each feature's deviation


def main() -> None:
    """Measure, fit, write, say."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "folder", type=Path, help="of drawn pairs and records; the same command goes on there"
    )
    parser.add_argument("--engine", default="rootsift")
    parser.add_argument("--pairs", type=int, default=40, help="of each class S, P and A")
    parser.add_argument("--negatives", type=int, default=120)
    given = parser.parse_args()
    counts = dict.fromkeys(CLASSES, given.pairs) | {"N": given.negatives}
    records = synthetic_records(given.folder, given.engine, counts, split="validation", wear=WEAR)
    looked_at = [one for one in records if one.features is not None]
    right = np.array([one.is_right for one in looked_at])
    constant, weights = fitted(looked_at, right)
    probability = 1 / (1 + np.exp(-(constant + values_of(looked_at) @ np.array(list(weights.values())))))
    say(f"{len(records)} pairs, {len(looked_at)} with a map, {right.sum()} right")
    say(f"AUROC {auroc(probability, right):.4f}; of wrong ones at most {probability[~right].max():.3f}")
    ok = least_ok(looked_at, probability)
    say(f"ok from {ok} on; right ones under it: {(probability[right] < ok).sum()}")
    counted = f"{len(looked_at)} maps of {len(records)} pairs, {right.sum()} right"
    write(COEFFICIENTS, given.engine, LogisticModel(constant, weights, ok), counted)


def values_of(records: Sequence[PairRecord]) -> Float64[np.ndarray, "p f"]:
    """Features, a row each, in the order of `features_by_sign`."""
    names = list(features_by_sign())
    return np.array([[one.features[name] for name in names] for one in records if one.features is not None])


def fitted(records: Sequence[PairRecord], right: Bool[np.ndarray, " p"]) -> tuple[float, dict[str, float]]:
    """Constant and weights that make what happened likeliest; a weight has its feature's sign, or is 0."""
    values = values_of(records)
    middle, spread = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    normed = (values - middle) / spread
    even = np.where(right, 0.5 / right.sum(), 0.5 / (~right).sum())  # as if half of all maps were right

    def loss(parameters: Float64[np.ndarray, " k"]) -> float:
        score = parameters[0] + normed @ parameters[1:]
        missed = np.logaddexp(0, np.where(right, -score, score))
        return float((even * missed).sum() + PENALTY * (parameters[1:] ** 2).sum())

    signs = features_by_sign()
    bounds = [(None, None), *((0, None) if sign > 0 else (None, 0) for sign in signs.values())]
    found = minimize(loss, np.zeros(len(bounds)), method="L-BFGS-B", bounds=bounds).x
    weights = found[1:] / spread
    return float(found[0] - weights @ middle), dict(zip(signs, map(float, weights), strict=True))


def least_ok(records: Sequence[PairRecord], probability: Float64[np.ndarray, " p"]) -> float:
    """The least probability to be ok, to three digits: above that of each wrong map that no test excludes."""
    wrong = [
        float(said)
        for one, said in zip(records, probability, strict=True)
        if not one.is_right and one.probability > 0  # 0 is what the tests say, and no model
    ]
    return max(OK_PROBABILITY, *(math.floor(1000 * said + 1) / 1000 for said in wrong), 0.0)


def write(path: Path, engine: str, model: LogisticModel, counted: str) -> None:
    """Replace the engine's table in the file; others stay."""
    head, *tables = path.read_text(encoding="utf-8").split("\n\n")
    name = json.dumps(engine, ensure_ascii=False)  # as TOML writes text too
    kept = [one for one in tables if not one.startswith(f"[{name}]")]
    today = datetime.now(UTC).date().isoformat()
    lines = [f"[{name}]", f"# {today}: {counted}", f"# {command_line(sys.argv)}"]
    lines += [f"constant = {model.constant:.6g}", f"ok = {model.ok:.3f}", f"[{name}.weights]"]
    lines += [f"{feature} = {weight:.6g}" for feature, weight in model.weights.items()]
    tables = sorted([one.strip() for one in kept] + ["\n".join(lines)])
    path.write_text("\n\n".join([head, *tables]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
