"""The comparison of arms: does a large network taught by a small one match retinas better than either alone?

Trains every arm with every seed (docs/design/2026-11-26-retina-training.md says which, and what was expected
before the runs), and registers pairs of made eyes with each: of new eyes of a style that no arm saw, which
are the test; of new eyes of the training style; and of the eyes that were trained on, photographed anew. The
last two differ in nothing but whether the eye was seen: their difference is the gap. A leg ends after
`--hours`; the same command goes on, training from its last checkpoint, and measures what is still to be
measured. The errors of an arm that is measured are kept in `results/retina_arms`, so that legs may be days
and machines apart: what is there is not done again. `--only` keeps a leg to one seed, for two legs side by
side. When all is there, the table and the answers are written.
"""

import argparse
import ast
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from anyres.core.image import Image
from anyres.core.machine import provenance
from anyres.models.retina.engines import CLASSICAL
from anyres.models.retina.eye_pairs import PairClass, make_pair
from anyres.models.retina.eye_styles import HELD_OUT, TRAIN, Style
from anyres.models.retina.fire import FIRE_SIDE, area_under_curve
from anyres.models.retina.network_detector import NetworkDetector
from anyres.models.retina.preparing import prepare
from anyres.models.retina.registration import register
from anyres.models.retina.sift import Detector
from anyres.models.retina.training import ARM_SIDE, recipes
from anyres.training.loop import this_machine, train
from tools.timing import say, write_result

ARMS = {  # by the paper's order: recipe, and the arm that teaches it
    "A1": ("arm-cnn", None),
    "A2": ("arm-large-kernel", None),
    "B1": ("arm-swin", None),
    "B2": ("arm-swin-tuned", None),
    "C1": ("arm-swin-taught", "A1"),
    "D1": ("arm-cnn-taught", "A1"),
}
CLASSES: tuple[PairClass, ...] = ("S", "P", "A")
EYES: dict[str, tuple[int, Style]] = {  # first seed, and style
    "test": (3_500_000, HELD_OUT),
    "new": (3_600_000, TRAIN),
    "trained": (1_000_000, TRAIN),  # the training set's own
}
KEPT = Path(__file__).parent / "results" / "retina_arms"  # errors of arms that were measured, by name
RETINA = Path(__file__).parents[1] / "anyres" / "models" / "retina"
BACK_END = (  # what comes between photographs and the map
    *("preparing", "heat", "network_detector", "sift", "matching"),
    *("fitting", "sphere", "warping", "transform", "registration"),
)
FAILED = 1e6  # error of a pair without a map
DRAWS = 5_000  # of the bootstrap


@dataclass(frozen=True)
class Leg:
    """What one call does."""

    folder: Path  # of eyes, runs and measured errors
    steps: int
    seeds: int
    pairs: int  # of each class and kind of eye
    ends: float  # monotonic seconds
    only: int | None = None  # the one seed that this leg works on

    def is_over(self) -> bool:
        """Whether the time is used up."""
        return time.monotonic() > self.ends


def main() -> None:
    """Go on with the comparison; write it when it is whole."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where eyes, runs and measured errors are kept")
    parser.add_argument("--hours", type=float, default=2.4, help="length of this leg")
    parser.add_argument("--steps", type=int, default=1000, help="of each training")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=30, help="of each class, and of each kind of eye")
    parser.add_argument("--only", type=int, help="train and measure this seed alone, and conclude nothing")
    given = parser.parse_args()
    ends = time.monotonic() + 3600 * given.hours
    leg = Leg(given.folder, given.steps, given.seeds, given.pairs, ends, given.only)
    waiting = next((name for name, is_done in steps_of(leg) if not is_done), None)
    if waiting is not None:
        say(f"This leg is over at {waiting}; the same command goes on.")
    elif leg.only is None:
        conclude(leg)


def steps_of(leg: Leg) -> Iterator[tuple[str, bool]]:
    """Go through everything in order: its name, and whether it is done."""
    for seed in range(leg.seeds) if leg.only is None else [leg.only]:
        for arm in ARMS:
            name = f"{arm}-{seed}"
            yield (
                name,
                is_kept(leg, name)
                or (trained(leg, arm, seed) and measured(leg, name, network(leg, arm, seed))),
            )
    if leg.only is None:
        for name, make in CLASSICAL.items():
            yield name, is_kept(leg, f"F-{name}") or measured(leg, f"F-{name}", make())


def is_kept(leg: Leg, name: str) -> bool:
    """Whether an arm's errors are there, of as many steps, of these pairs and of this back end."""
    path = KEPT / f"{name}.json"
    if not path.exists():
        return False
    found = json.loads(path.read_text(encoding="utf-8"))
    wanted = (steps_of_arm(leg, name), leg.pairs, back_end())
    return (found["steps"], found["pairs"], found["back_end"]) == wanted


@cache
def back_end() -> str:
    """What tells one back end from another: a digest of its sources without comments and docstrings."""
    whole = [ast.parse((RETINA / f"{one}.py").read_text(encoding="utf-8")) for one in BACK_END]
    for node in (node for module in whole for node in ast.walk(module)):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return hashlib.sha256("\n".join(map(ast.dump, whole)).encode()).hexdigest()[:16]


def steps_of_arm(leg: Leg, name: str) -> int:
    """Of its training; the classical ones have none."""
    return 0 if name.startswith("F-") else leg.steps


def run_folder(leg: Leg, arm: str, seed: int) -> Path:
    """Of one training."""
    return leg.folder / f"{arm}-{seed}"


def trained(leg: Leg, arm: str, seed: int) -> bool:
    """Whether an arm is trained to its end, after as much training as the leg has time for."""
    recipe_name, teacher = ARMS[arm]
    named = {} if teacher is None else {"teacher": str(run_folder(leg, teacher, seed) / "best.safetensors")}
    run = run_folder(leg, arm, seed)
    if (run / "done").exists():
        return True
    if teacher is not None and not trained(leg, teacher, seed):  # measured on another machine, say
        return False
    recipe = recipes[recipe_name](leg.folder / "eyes", steps=leg.steps, **named)
    left = leg.ends - time.monotonic()
    for at in train(recipe, run, machine=this_machine(), seed=seed, time_limit_s=max(0.0, left)):
        if at.figures:
            say(f"{arm}, seed {seed}, step {at.step}: {dict(at.figures)}")
    is_done = at.step == leg.steps
    if is_done:
        (run / "done").touch()
    return is_done


def network(leg: Leg, arm: str, seed: int) -> Detector:
    """The best weights of an arm."""
    return NetworkDetector.load(run_folder(leg, arm, seed) / "best.safetensors")


def measured(leg: Leg, name: str, detector: Detector) -> bool:
    """Whether all pairs are registered with a detector, after as many as the leg has time for."""
    path = leg.folder / f"{name}-{back_end()}.jsonl"
    known = [] if not path.exists() else path.read_text(encoding="utf-8").splitlines()
    with path.open("a", encoding="utf-8") as file:
        for number, (eyes, pair_class, seed) in enumerate(wanted_pairs(leg.pairs)):
            if number < len(known):
                continue
            if leg.is_over():
                return False
            error = error_of(detector, drawn(leg, eyes, pair_class, seed))
            file.write(json.dumps({"eyes": eyes, "class": pair_class, "seed": seed, "error": error}) + "\n")
            file.flush()
    keep(leg, name, path)
    return True


def keep(leg: Leg, name: str, path: Path) -> None:
    """Put an arm's errors where the next leg finds them, in the order of the pairs."""
    rows: Sequence[Mapping[str, Any]] = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    errors: dict[str, dict[str, list[float]]] = {
        eyes: {
            one: [round(row["error"], 3) for row in rows if (row["eyes"], row["class"]) == (eyes, one)]
            for one in CLASSES
        }
        for eyes in EYES
    }
    found: dict[str, Any] = {
        "steps": steps_of_arm(leg, name),
        "pairs": leg.pairs,
        "back_end": back_end(),
        **asdict(provenance()),
        "errors": errors,
    }
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{name}.json").write_text(json.dumps(found) + "\n", encoding="utf-8")


def wanted_pairs(count: int) -> Iterator[tuple[str, PairClass, int]]:
    """Kind of eye, class and seed of every pair; an eye has at most one pair of a class."""
    for eyes, (first, _) in EYES.items():
        for kind, pair_class in enumerate(CLASSES):
            for number in range(count):
                yield eyes, pair_class, first + number + (0 if eyes == "trained" else count * kind)


def drawn(leg: Leg, eyes: str, pair_class: PairClass, seed: int) -> Mapping[str, np.ndarray]:
    """A pair's photographs and control points, drawn once for all arms."""
    path = leg.folder / "pairs" / f"{eyes}-{pair_class}{seed}.npz"
    if not path.exists():
        pair = make_pair(pair_class, seed, style=EYES[eyes][1], side=ARM_SIDE)
        assert pair.controls is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez(part, fixed=pair.fixed.pixels, moving=pair.moving.pixels, controls=pair.controls)
        part.replace(path)
    with np.load(path, allow_pickle=False) as stored:
        return dict(stored)


def error_of(detector: Detector, pair: Mapping[str, np.ndarray]) -> float:
    """Mean error of a pair's control points, FIRE-equivalent pixels."""
    fixed, moving = (prepare(Image.from_numpy(pair[one])) for one in ("fixed", "moving"))
    found = register(fixed, moving, detector)
    if found.transform is None:
        return FAILED
    placed = found.transform.apply(np.asarray(pair["controls"][:, 2:], np.float64))
    return float(np.linalg.norm(placed - pair["controls"][:, :2], axis=1).mean() * FIRE_SIDE / ARM_SIDE)


def errors_of(name: str) -> dict[str, np.ndarray]:
    """Errors by kind of eye: classes by pairs."""
    errors = json.loads((KEPT / f"{name}.json").read_text(encoding="utf-8"))["errors"]
    return {eyes: np.array([by_class[one] for one in CLASSES]) for eyes, by_class in errors.items()}


def mauc(errors: np.ndarray) -> float:
    """Mean over classes of FIRE's area under the curve; errors are classes by pairs."""
    return float(np.mean([area_under_curve(row) for row in errors]))


def conclude(leg: Leg) -> None:
    """The table of arms, and an answer to each statement, said and written."""
    names = [f"{arm}-{seed}" for arm in ARMS for seed in range(leg.seeds)] + [f"F-{one}" for one in CLASSICAL]
    errors = {name: errors_of(name) for name in names}
    table: dict[str, Any] = {}
    for arm in (*ARMS, *(f"F-{one}" for one in CLASSICAL)):
        own = [errors[name] for name in names if name == arm or name.rpartition("-")[0] == arm]
        of_seeds = [round(level(one), 4) for one in own]
        by_class = {
            one: round(float(np.mean([area_under_curve(each["test"][row]) for each in own])), 4)
            for row, one in enumerate(CLASSES)
        }
        means: dict[str, Any] = {"mauc": round(float(np.mean(of_seeds)), 4), "of_seeds": of_seeds}
        table[arm] = {**means, **by_class, "gap": round(float(np.mean([gap(one) for one in own])), 4)}
        say(f"{arm}: {table[arm]}")
    answers = {name: answer(leg, errors, *sides) for name, sides in STATEMENTS.items()}
    for name, found in answers.items():
        say(f"{name}: {found}")
    settings = {"steps": leg.steps, "seeds": leg.seeds, "pairs_of_a_class": leg.pairs}
    write_result("retina_arms", "arms", {"table": table, "answers": answers, **settings})


def gap(errors: Mapping[str, np.ndarray]) -> float:
    """How much better pairs of trained eyes come out than those of new eyes of their style."""
    return mauc(errors["trained"]) - mauc(errors["new"])


def level(errors: Mapping[str, np.ndarray]) -> float:
    """How well test pairs come out."""
    return mauc(errors["test"])


STATEMENTS: dict[str, tuple[Any, tuple[str, ...], tuple[str, ...]]] = {  # sums of the first less the second
    "H1 gap of B1 above gap of A1": (gap, ("B1",), ("A1",)),
    "H2 C1 above B1": (level, ("C1",), ("B1",)),
    "H3 C1 above A1": (level, ("C1",), ("A1",)),
    "H4 gain of C1 over B1 above gain of D1 over A1": (level, ("C1", "A1"), ("B1", "D1")),
    "A2 above A1": (level, ("A2",), ("A1",)),
}


def answer(
    leg: Leg,
    errors: Mapping[str, Mapping[str, np.ndarray]],
    figure: Any,
    above: Sequence[str],
    below: Sequence[str],
) -> dict[str, Any]:
    """The difference of two sides with a 95 % interval: eyes are drawn anew, the same ones for all arms."""
    generator = np.random.default_rng(0)

    def difference(chosen: Mapping[str, np.ndarray]) -> float:
        found = 0.0
        for seed in range(leg.seeds):
            for sign, arms in ((1, above), (-1, below)):
                for arm in arms:
                    own = errors[f"{arm}-{seed}"]
                    found += sign * figure({eyes: own[eyes][:, chosen[eyes]] for eyes in own})
        return found / leg.seeds

    every = {eyes: np.arange(leg.pairs) for eyes in EYES}
    drawn = [
        difference({eyes: generator.integers(0, leg.pairs, leg.pairs) for eyes in EYES}) for _ in range(DRAWS)
    ]
    low, high = (float(one) for one in np.quantile(drawn, (0.025, 0.975)))
    verdict = "the interval includes 0" if low <= 0 <= high else "yes" if low > 0 else "no, the other way"
    return {
        "difference": round(difference(every), 4),
        "interval": [round(low, 4), round(high, 4)],
        "answer": verdict,
    }


if __name__ == "__main__":
    main()
