"""How registration is measured: FIRE's protocol, pairs of made eyes, real photographs under known warps.

`fire`: a user's own copy of FIRE (Hernandez-Matas and others, 2017), counted as SuperRetina's authors count.
`synthetic`: pairs of made eyes in a style that nothing was trained on, of FIRE's classes, and of different
eyes. `warped`: real photographs, each with a warped and differently lit copy of itself, and all pairs of two
different photographs, of which none may be called ok.
Figures of the three are of different things and never stand in one table.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import Field

from anyres.core.errors import InputError
from anyres.core.files import read_image
from anyres.core.image import Image
from anyres.core.weights import file_sha256
from anyres.evaluation.tables import Cell, markdown_table, write_figures
from anyres.models.retina.engines import DEFAULT, load_detector, weights_of
from anyres.models.retina.eye_pairs import PairClass, make_pair
from anyres.models.retina.eye_styles import HELD_OUT, TRAIN, Style
from anyres.models.retina.fire import PointMap, evaluate_fire
from anyres.models.retina.measuring import (
    PairRecord,
    figures_of,
    mauc_interval,
    mean_auc,
    measure_pair,
    recorded,
)
from anyres.models.retina.preparing import Prepared, prepare
from anyres.models.retina.registration import register
from anyres.models.retina.relighting import warped_pair, worn
from anyres.models.retina.sift import Detector

Protocol = Literal["fire", "synthetic", "warped"]
FIRST_SEED: Final = {"validation": 2_000_100, "test": 3_000_000}  # training's eyes are before both
SEEDS: Final = 10_000  # of each class
STYLE: Final[dict[str, Style]] = {"validation": TRAIN, "test": HELD_OUT}
SIDE: Final = 768  # pixels of made photographs
CLASSES: Final[tuple[PairClass, ...]] = ("S", "P", "A", "N")
_DRAWN_VESSELS: Final = r"_(1st|2nd)HO$"  # of CHASE_DB1, beside its photographs
PHOTOGRAPHS: Final = (".jpg", ".jpeg", ".png", ".tif", ".tiff")


@dataclass(frozen=True)
class RetinaEvaluation:
    """Figures by engine; as text, a table."""

    protocol: Protocol
    figures: Mapping[str, Any]

    def __str__(self) -> str:
        """Markdown."""
        rows: list[list[Cell]] = []
        for engine, found in self.figures.items():
            for kind, one in found["classes"].items():
                auc = f"{one['auc']:.3f}"
                shares = [f"{one[name]:.1%}" for name in ("acceptable", "ok")]
                rows.append([engine, kind, str(one["pairs"]), auc, f"{one['median_error']:.2f}", *shares])
        header = ["engine", "class", "pairs", "AUC", "median error", "acceptable", "ok"]
        lines = [markdown_table(header, rows), ""]
        for engine, found in self.figures.items():
            low, high = found["mauc_interval"]
            told = [
                f"{engine}: mAUC {found['mauc']:.3f} ({low:.3f} to {high:.3f})",
                f"AUROC of the probability {found.get('auroc', float('nan')):.3f}",
                f"{found['negatives_ok']} of {found['negatives']} pairs of different eyes ok",
                f"calibration error {found['ece']:.3f}",
                f"{found['seconds']:.1f} s a pair",
                *(f"{name} {value}" for name, value in found.get("against", {}).items()),
            ]
            lines.append("; ".join(told))
        return "\n".join(lines)


def evaluate(
    root: Path,
    *,
    protocol: Annotated[Protocol, Field(description="What is registered, and how it is counted.")] = "fire",
    engines: Annotated[
        str, Field(description="Engines, with commas between; the first is compared with.")
    ] = DEFAULT,
    pairs: Annotated[int, Field(ge=1, le=SEEDS, description="Of each class S, P and A (synthetic).")] = 100,
    negatives: Annotated[int, Field(ge=0, le=SEEDS, description="Of two different eyes (synthetic).")] = 300,
    wear: Annotated[
        int, Field(ge=0, le=9, description="Level to which moving photographs are spoilt (synthetic).")
    ] = 0,
    records: Annotated[
        Path | None, Field(description="Folder that keeps what was measured (warped), to go on from there.")
    ] = None,
    figures: Annotated[Path | None, Field(description="JSON file to put the figures into as well.")] = None,
) -> str | RetinaEvaluation:
    """Measure registration, by FIRE's protocol, on made eyes, or on warped photographs.

    ROOT: for `fire`, the folder of FIRE; for `warped`, a folder of photographs, each of another eye; for
    `synthetic`, a folder for the drawn pairs and for what was measured: the same command goes on from there.

    Raises:
        InputError: for a folder that does not hold what the protocol needs, or an engine that there is not.
    """
    names = [name.strip() for name in engines.split(",") if name.strip()]
    if protocol == "fire":
        results = {name: evaluate_fire(root, _by_file(name)) for name in names}
        _write(figures, protocol, {name: asdict(result) for name, result in results.items()})
        return "\n\n".join(f"{name}:\n{result}" for name, result in results.items())
    if protocol == "synthetic":
        counts = dict.fromkeys(CLASSES, pairs) | {"N": negatives}
        measured = {name: synthetic_records(root, name, counts, wear=(wear,)) for name in names}
    else:
        measured = {name: warped_records(root, name, kept=records) for name in names}
    found = {name: figures_of(own) for name, own in measured.items()}
    for name in names[1:]:
        found[name]["against"] = {f"mAUC above {names[0]}": _difference(measured[names[0]], measured[name])}
    _write(figures, f"{protocol}-{wear}" if wear else protocol, found)
    return RetinaEvaluation(protocol, found)


def synthetic_records(
    folder: Path,
    engine: str,
    counts: Mapping[PairClass, int],
    *,
    split: str = "test",
    wear: Sequence[int] = (0,),
) -> list[PairRecord]:
    """Records of an engine on pairs of made eyes; drawn pairs and records are kept in the folder.

    Args:
        folder: made if missing.
        engine: see `engines.load_detector`.
        counts: pairs of each class.
        split: whose eyes, "test" or "validation".
        wear: levels to which the moving photographs are spoilt (`relighting.worn`); each pair comes at each.
    """
    detector = load_detector(engine)

    def measure(name: str) -> PairRecord:
        drawn, _, level = name.partition("-")
        kind, pair = name[0], _drawn(folder / "pairs", split, drawn)
        spoilt = worn(pair["moving"], int(level or 0), int(drawn[1:]))
        fixed, moving = (prepare(Image.from_numpy(one)) for one in (pair["fixed"], spoilt))
        controls = pair.get("controls")
        truth = None if controls is None else (controls[:, 2:].astype(np.float64), controls[:, :2])
        return measure_pair(name, kind, fixed, moving, truth, detector)

    drawn = [f"{kind}{number:03d}" for kind, count in counts.items() for number in range(count)]
    names = [f"{name}-{level}" if level else name for level in wear for name in drawn]
    return list(recorded(_file_of(folder, split, engine), names, measure, engine=engine))


def warped_records(folder: Path, engine: str, *, kept: Path | None = None) -> list[PairRecord]:
    """Records of an engine on each photograph and its warped copy, and on all pairs of photographs.

    Args:
        folder: of photographs, each of another eye; nothing is written there.
        engine: see `engines.load_detector`.
        kept: folder of records; those of the same names are not measured again.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in PHOTOGRAPHS)
    paths = [path for path in paths if not re.search(_DRAWN_VESSELS, path.stem)]
    if len(paths) < 2:
        raise InputError(f"{folder} holds {len(paths)} photographs; name a folder of two or more.")
    images = {path.stem: read_image(path) for path in paths}
    prepared = {name: prepare(image) for name, image in images.items()}
    numbers = {name: number for number, name in enumerate(images)}
    pairs = {f"{one} {other}": (one, other) for one, other in itertools.combinations(images, 2)}
    remembered = _Remembering(load_detector(engine))

    def measure(name: str) -> PairRecord:
        if name in pairs:
            sides = [prepared[one] for one in pairs[name]]
            return measure_pair(name, "N", sides[0], sides[1], None, remembered)
        fixed, moving, truth = warped_pair(images[name], np.random.default_rng([7, numbers[name]]))
        return measure_pair(name, "warped", prepare(fixed), prepare(moving), truth, remembered.detector)

    names = [*images, *pairs]
    if kept is None:
        return [measure(name) for name in names]
    return list(recorded(_file_of(kept, "warped", engine), names, measure, engine=engine))


class _Remembering:
    """A detector that looks at each picture once."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.name = detector.name
        self.ratio = detector.ratio
        self._known: dict[int, Any] = {}
        self._kept: list[Prepared] = []  # so that no other picture gets its number

    def __call__(self, prepared: Prepared) -> Any:
        if id(prepared) not in self._known:
            self._kept.append(prepared)
            self._known[id(prepared)] = self.detector(prepared)
        return self._known[id(prepared)]


def _drawn(folder: Path, split: str, name: str) -> dict[str, np.ndarray]:
    """A pair's photographs and control points, drawn once."""
    path = folder / f"{split}-{name}.npz"
    if not path.exists():
        kind: Any = name[0]
        seed = FIRST_SEED[split] + SEEDS * CLASSES.index(kind) + int(name[1:])
        pair = make_pair(kind, seed, style=STYLE[split], side=SIDE)
        arrays = {"fixed": pair.fixed.pixels, "moving": pair.moving.pixels}
        if pair.controls is not None:
            arrays["controls"] = np.asarray(pair.controls, np.float64)
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.stem}.part.npz")
        np.savez_compressed(part, **arrays)  # type: ignore[arg-type]
        part.replace(path)
    with np.load(path, allow_pickle=False) as stored:
        return dict(stored)


def _by_file(engine: str) -> Any:
    detector = load_detector(engine)

    def registered(fixed: Path, moving: Path) -> PointMap | None:
        one, other = (prepare(read_image(path)) for path in (fixed, moving))
        return register(one, other, detector).transform

    return registered


def _difference(one: Sequence[PairRecord], other: Sequence[PairRecord]) -> str:
    """How much larger the second's mAUC is, with its interval."""
    low, high = mauc_interval([one, other], lambda sides: mean_auc(sides[1]) - mean_auc(sides[0]))
    return f"{mean_auc(other) - mean_auc(one):+.4f} ({low:+.4f} to {high:+.4f})"


def _write(path: Path | None, protocol: str, figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Put the figures of each engine into a file, if one is named."""
    if path is not None:
        for name, found in figures.items():
            write_figures(path, f"{protocol} {name}", found)


def _file_of(folder: Path, split: str, engine: str) -> Path:
    """Of an engine's records; other weights under the same name have another file."""
    which = [file_sha256(path)[:12] for path in weights_of(engine)]
    name = re.sub(r"[^A-Za-z0-9._-]", "_", "-".join([split, engine, *which]))
    return folder / f"{name}.jsonl"
