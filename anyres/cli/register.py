"""`anyres register`: one photograph of an eye laid on another, or many, and a verdict for each."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args

import typer

from anyres.cli.report import say
from anyres.core.errors import AnyresError, InputError
from anyres.core.files import read_image
from anyres.core.formats import FORMATS
from anyres.core.weights import file_sha256

if TYPE_CHECKING:
    from anyres.models.retina.inference import Registrar

NOT_SURE: Final = 4  # exit code: done, and not to be trusted
MOST_PAIRS: Final = 100_000  # rows of a CSV
Model = Literal["auto", "homography", "affine", "quadratic"]
Reference = Literal["first", "previous"]
_SUFFIXES: Final = tuple(suffix for one in FORMATS.values() for suffix in one.suffixes)


@dataclass(frozen=True)
class Job:
    """Two photographs, and the folder for what comes out."""

    fixed: Path
    moving: Path
    folder: Path


@dataclass(frozen=True)
class Asked:
    """What is the same for all jobs."""

    engine: str
    model: Model
    force: bool
    overwrite: bool

    def about(self, job: Job) -> dict[str, Any]:
        """What a report says of its inputs; the same inputs and settings need not be registered twice."""
        return {
            "inputs": {
                name: {"file": path.name, "sha256": file_sha256(path)}
                for name, path in (("fixed", job.fixed), ("moving", job.moving))
            },
            "settings": {"engine": self.engine, "model": self.model, "force": self.force},
        }


Photographs = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FIXED MOVING", help="Two photographs of one eye; the second is laid on the first."
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")]
Pairs = Annotated[
    Path | None,
    typer.Option(help="Many pairs: a CSV with columns fixed, moving and, if wanted, name."),
]
Visits = Annotated[Path | None, typer.Option(help="A folder of visits, in the order of their names.")]
LaidOn = Annotated[str, typer.Option(metavar="first|previous", help="What each visit is laid on.")]
Engine = Annotated[
    str,
    typer.Option(
        help="What finds places: rootsift, sift, orb, weights of a retina network, or several with +."
    ),
]
AskedModel = Annotated[
    str,
    typer.Option(metavar="|".join(get_args(Model)), help="Kind of the map; auto: as the places justify."),
]
Force = Annotated[bool, typer.Option("--force", help="Aligned pictures of failed ones too.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that are there.")]


def register(
    photographs: Photographs = None,
    *,
    output: Output,
    pairs: Pairs = None,
    sequence: Visits = None,
    reference: LaidOn = "first",
    engine: Engine = "",
    model: AskedModel = "auto",
    force: Force = False,
    overwrite: Overwrite = False,
) -> None:
    """Lay one photograph of an eye on another, and say how far to trust it.

    The folder gets the registered picture, pictures to judge it by, the matches, the transform for other
    programs, and report.json. Research software, not a medical device. Exit code 4: low confidence or failed.
    """
    jobs = _jobs(photographs or [], output, pairs, sequence, _one_of(Reference, "--reference", reference))
    from anyres.models.retina.engines import DEFAULT  # loads OpenCV
    from anyres.models.retina.inference import Registrar

    asked = Asked(engine or DEFAULT, _one_of(Model, "--model", model), force, overwrite)
    codes = _codes(Registrar.of(asked.engine), jobs, asked, is_alone=bool(photographs))
    if any(codes):
        raise typer.Exit(next((code for code in codes if code not in (0, NOT_SURE)), NOT_SURE))


def _codes(registrar: "Registrar", jobs: list[Job], asked: Asked, *, is_alone: bool) -> list[int]:
    """Do all jobs, and say what came of them; an exit code for each. An error ends a job that is alone."""
    codes = []
    for job in jobs:
        try:
            codes.append(_register(registrar, job, asked, resumes=not is_alone))
        except AnyresError as error:
            if is_alone:
                raise
            say(f"{job.folder.name}: {error}", to_error=True)
            codes.append(error.exit_code)
    if not is_alone:
        good, doubtful = codes.count(0), codes.count(NOT_SURE)
        broken = len(codes) - good - doubtful
        say(f"{good} of {len(codes)} ok, {doubtful} not to be trusted, {broken} not done.")
    return codes


def _register(registrar: "Registrar", job: Job, asked: Asked, *, resumes: bool) -> int:
    """Register a pair, write and say what came out; 0, or NOT_SURE."""
    from anyres.models.retina.folder import REPORT, check_folder, write_folder

    about = asked.about(_checked(job))
    known = _known(job.folder / REPORT) if resumes and not asked.overwrite else None
    if known is not None and {name: known.get(name) for name in about} == about:
        say(f"{job.folder.name}: done before, {known.get('status')}.")
        return 0 if known.get("status") == "ok" else NOT_SURE
    check_folder(job.folder, overwrite=asked.overwrite)
    found = registrar(read_image(job.fixed), read_image(job.moving), model=asked.model)
    names = write_folder(found, job.folder, force=asked.force, overwrite=asked.overwrite, about=about)
    result = found.result
    reasons = "".join(f" {reason}" for reason in result.reasons)
    say(f"{job.folder.name}: {result.status}, probability {result.probability:.2f}.{reasons}")
    say(f"{job.folder}: {', '.join(names)}")
    return 0 if result.status == "ok" else NOT_SURE


def _jobs(
    photographs: list[Path], output: Path, pairs: Path | None, sequence: Path | None, reference: Reference
) -> list[Job]:
    ways = [bool(photographs), pairs is not None, sequence is not None]
    if sum(ways) != 1 or len(photographs) not in (0, 2):
        raise InputError(
            f"Name two photographs, FIXED and MOVING, or --pairs FILE.csv, or --sequence FOLDER; "
            f"{len(photographs)} photographs and {sum(ways[1:])} of the others were given."
        )
    if pairs is not None:
        return list(_pairs(pairs, output))
    if sequence is not None:
        return _visits(sequence, output, reference)
    return [Job(photographs[0], photographs[1], output)]


def _pairs(path: Path, output: Path) -> Iterator[Job]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = {"fixed", "moving"} - set(rows.fieldnames or ())
            if missing:
                raise InputError(
                    f"{path} has no column {' and no column '.join(sorted(missing))}; its first line is "
                    f"{', '.join(rows.fieldnames or ())[:80]!r}. Name the columns fixed and moving there."
                )
            seen: set[str] = set()
            for number, row in enumerate(rows, start=1):
                name = (row.get("name") or f"{number:03d}").strip()
                is_wrong = Path(name).name != name or name.startswith(".") or name in seen
                if is_wrong or number > MOST_PAIRS:
                    raise InputError(
                        f"Row {number} of {path} is called {name[:60]!r}: a name is one of a folder, without "
                        f"/ or dot in front, used once, and there are at most {MOST_PAIRS} rows."
                    )
                seen.add(name)
                fixed, moving = (path.parent / (row[one] or "") for one in ("fixed", "moving"))
                yield Job(fixed, moving, output / name)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path} is no CSV of pairs: {error}. Write fixed,moving in its first line."
        ) from error


def _visits(folder: Path, output: Path, reference: Reference) -> list[Job]:
    if not folder.is_dir():
        raise InputError(
            f"{folder} is no folder; --sequence names one that holds a photograph of each visit."
        )
    visits = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if len(visits) < 2:
        raise InputError(f"{folder} holds {len(visits)} photographs; a sequence has two or more.")
    laid_on = visits if reference == "previous" else [visits[0]] * len(visits)
    return [
        Job(fixed, moving, output / moving.stem) for fixed, moving in zip(laid_on, visits[1:], strict=False)
    ]


def _checked(job: Job) -> Job:
    for path in (job.fixed, job.moving):
        if not path.is_file():
            raise InputError(f"There is no file {path}. Check its name.")
    return job


def _known(path: Path) -> dict[str, Any] | None:
    """The report of an earlier registration, if there is one that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _one_of(kind: Any, option: str, given: str) -> Any:
    if given not in get_args(kind):
        raise InputError(f"{option} is one of {', '.join(get_args(kind))}, not {given[:60]!r}.")
    return given
