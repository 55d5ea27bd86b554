"""`anyres register` as it is typed, on drawn eyes."""

import csv
import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from typer.testing import CliRunner, Result

from anyres.cli.main import app
from anyres.core.errors import AnyresError
from anyres.core.files import read_image
from anyres.core.image import Encoding, Image
from anyres.core.weights import file_sha256
from anyres.models.catalog import find_weights
from anyres.models.retina.eye_pairs import make_pair
from anyres.models.retina.transform import Projective, Quadratic, Transform

SIDE = 512


@pytest.fixture(scope="module")
def eye(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two photographs of one eye and one of another."""
    folder = tmp_path_factory.mktemp("visits")
    pair, other = make_pair("S", 5, side=SIDE), make_pair("S", 6, side=SIDE)
    for name, one in (("a", pair.fixed), ("b", pair.moving), ("x", other.fixed)):
        PIL.Image.fromarray(one.pixels).save(folder / f"{name}.png")
    assert pair.controls is not None
    np.savetxt(folder / "controls.txt", pair.controls)
    return folder


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["register", *map(str, arguments)])


def report_of(folder: Path) -> dict[str, object]:
    found = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def transform_of(folder: Path) -> Transform:
    report = report_of(folder)
    if report["model"] == "quadratic":
        return Quadratic(np.array(report["quadratic"]))
    return Projective(np.array(report["matrix"]))


def test_two_photographs_of_an_eye_are_laid_on_each_other(eye: Path, tmp_path: Path) -> None:
    result = run(eye / "a.png", eye / "b.png", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    report = report_of(tmp_path / "out")
    assert report["status"] == "ok"
    assert "not a medical device" in str(report["note"])
    controls = np.loadtxt(eye / "controls.txt")
    placed = transform_of(tmp_path / "out").apply(controls[:, 2:])
    assert np.linalg.norm(placed - controls[:, :2], axis=1).mean() < 1.0
    matrix = Projective(np.array(report["matrix"])).apply(controls[:, 2:])  # of a quadratic, nearly the same
    assert np.linalg.norm(matrix - controls[:, :2], axis=1).mean() < 3.0
    for name in ("registered.png", "overlay.png", "checkerboard.png", "difference.png"):
        assert read_image(tmp_path / "out" / name).size_hw == (SIDE, SIDE)
    with PIL.Image.open(tmp_path / "out" / "flicker.gif") as gif:
        gif.seek(1)
        with pytest.raises(EOFError):
            gif.seek(2)


def test_the_registered_picture_shows_the_fixed_one_where_both_are_seen(eye: Path, tmp_path: Path) -> None:
    run(eye / "a.png", eye / "b.png", "-o", tmp_path / "out")
    fixed, moving, laid = (
        read_image(path).pixels[..., 1]
        for path in (eye / "a.png", eye / "b.png", tmp_path / "out" / "registered.png")
    )
    both = (fixed > 0.1) & (laid > 0.1)
    assert np.corrcoef(fixed[both], laid[both])[0, 1] > np.corrcoef(fixed[both], moving[both])[0, 1] + 0.1


def test_the_matches_are_places_of_both_originals(eye: Path, tmp_path: Path) -> None:
    run(eye / "a.png", eye / "b.png", "-o", tmp_path / "out")
    with (tmp_path / "out" / "matches.csv").open(encoding="utf-8", newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    moving, fixed = (
        np.array([[row[f"{one}_x"], row[f"{one}_y"]] for row in rows]) for one in ("moving", "fixed")
    )
    inlier = np.array([row["inlier"] for row in rows]) == 1
    missed = np.linalg.norm(transform_of(tmp_path / "out").apply(moving) - fixed, axis=1)
    assert inlier.sum() == report_of(tmp_path / "out")["inliers"]
    assert missed[inlier].max() < 0.01 * SIDE


def test_the_field_of_displacements_leads_from_fixed_to_moving(eye: Path, tmp_path: Path) -> None:
    run(eye / "a.png", eye / "b.png", "-o", tmp_path / "out", "--model", "homography")
    header, _, values = (tmp_path / "out" / "displacement.mha").read_bytes().partition(b"LOCAL\n")
    fields = dict(line.split(" = ") for line in header.decode("ascii").splitlines() if " = " in line)
    width, height = map(int, fields["DimSize"].split())
    spacing = float(fields["ElementSpacing"].split()[0])
    field = np.frombuffer(values, "<f4").reshape(height, width, 2)
    row, column = 20, 33
    place = np.array([[column * spacing, row * spacing]])
    there = transform_of(tmp_path / "out").apply(place + field[row, column])
    assert np.abs(there - place).max() < 0.01
    assert (width - 1) * spacing >= SIDE - 1


def test_an_affine_transform_is_a_text_file_of_itk(eye: Path, tmp_path: Path) -> None:
    run(eye / "a.png", eye / "b.png", "-o", tmp_path / "out", "--model", "affine")
    lines = (tmp_path / "out" / "transform.tfm").read_text(encoding="ascii").splitlines()
    assert lines[0] == "#Insight Transform File V1.0"
    a, b, c, d, x, y = map(float, lines[3].removeprefix("Parameters: ").split())
    place = np.array([[100.0, 200.0]])
    moving = place @ np.array([[a, b], [c, d]]).T + (x, y)
    assert np.abs(transform_of(tmp_path / "out").apply(moving) - place).max() < 1e-6


def test_two_eyes_fail_and_leave_no_aligned_picture(eye: Path, tmp_path: Path) -> None:
    result = run(eye / "a.png", eye / "x.png", "-o", tmp_path / "out")
    assert result.exit_code == 4
    assert report_of(tmp_path / "out")["status"] == "failed"
    assert report_of(tmp_path / "out")["reasons"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["matches.csv", "report.json"]


def test_a_network_is_an_engine_and_the_report_says_which_file(eye: Path, tmp_path: Path) -> None:
    both = "rootsift+retina-compact"
    result = run(eye / "a.png", eye / "b.png", "-o", tmp_path / "out", "--engine", both)
    assert result.exit_code == 0, result.output
    report = report_of(tmp_path / "out")
    assert report["engine"] == both
    assert report["weights_sha256"] == [file_sha256(find_weights("retina-compact").path)]


def test_a_mirrored_photograph_is_never_ok(eye: Path, tmp_path: Path) -> None:
    with PIL.Image.open(eye / "b.png") as picture:
        picture.transpose(PIL.Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "mirrored.png")
    assert run(eye / "a.png", tmp_path / "mirrored.png", "-o", tmp_path / "out").exit_code == 4


def test_a_turned_photograph_is_laid_all_the_same(eye: Path, tmp_path: Path) -> None:
    with PIL.Image.open(eye / "b.png") as picture:
        picture.transpose(PIL.Image.Transpose.ROTATE_90).save(tmp_path / "turned.png")
    assert run(eye / "a.png", tmp_path / "turned.png", "-o", tmp_path / "out").exit_code == 0


@pytest.mark.parametrize("what", ["black", "white", "noise", "wall"])
def test_what_is_no_eye_fails_with_a_reason(eye: Path, tmp_path: Path, what: str) -> None:
    generator = np.random.default_rng(0)
    pixels = {
        "black": np.zeros((300, 300, 3)),
        "white": np.full((300, 300, 3), 255.0),
        "noise": generator.uniform(0, 255, (300, 300, 3)),
        "wall": np.repeat(np.linspace(60, 200, 300)[None, :, None], 300, 0).repeat(3, 2),
    }[what]
    PIL.Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "no.png")
    assert run(eye / "a.png", tmp_path / "no.png", "-o", tmp_path / "out").exit_code == 4
    assert report_of(tmp_path / "out")["status"] == "failed"


def test_depth_and_mode_stay(eye: Path, tmp_path: Path) -> None:
    image = read_image(eye / "b.png")
    grey = Image(
        pixels=np.repeat(image.pixels[..., 1:2], 3, axis=2), encoding=Encoding(depth=16, is_grey=True)
    )
    grey.save(tmp_path / "grey.png")
    assert run(eye / "a.png", tmp_path / "grey.png", "-o", tmp_path / "out").exit_code == 0
    laid = read_image(tmp_path / "out" / "registered.png")
    assert (laid.encoding.depth, laid.encoding.is_grey) == (16, True)


def test_results_are_not_replaced_without_being_told(eye: Path, tmp_path: Path) -> None:
    run(eye / "a.png", eye / "b.png", "-o", tmp_path / "out")
    before = (tmp_path / "out" / "report.json").read_bytes()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    refused = run(eye / "a.png", eye / "x.png", "-o", tmp_path / "out")
    assert isinstance(refused.exception, AnyresError)
    assert "--overwrite" in str(refused.exception)
    assert (tmp_path / "out" / "report.json").read_bytes() == before
    assert run(eye / "a.png", eye / "x.png", "-o", tmp_path / "out", "--overwrite").exit_code == 4
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert left == ["matches.csv", "mine.txt", "report.json"]  # no picture of the pair before


def test_a_file_of_pairs_goes_on_past_a_missing_one_and_is_not_done_twice(eye: Path, tmp_path: Path) -> None:
    table = eye / "pairs.csv"
    table.write_text("fixed,moving,name\na.png,b.png,same\na.png,none.png,lost\na.png,x.png,other\n")
    result = run("--pairs", table, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "1 of 3 ok, 1 not to be trusted, 1 not done" in result.output
    assert not (tmp_path / "out" / "lost").exists()
    stamp = (tmp_path / "out" / "same" / "report.json").stat().st_mtime_ns
    again = run("--pairs", table, "-o", tmp_path / "out")
    assert "same: done before, ok" in again.output
    assert (tmp_path / "out" / "same" / "report.json").stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("left,right\na,b\n", "no column"),
        ("fixed,moving,name\na,b,../x\n", "is called"),
        ("fixed,moving,name\na,b,x\na,b,x\n", "is called"),
    ],
)
def test_a_file_of_pairs_that_is_none_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    result = run("--pairs", tmp_path / "pairs.csv", "-o", tmp_path / "out")
    assert isinstance(result.exception, AnyresError)
    assert said in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_a_sequence_is_laid_on_its_first_visit(eye: Path, tmp_path: Path) -> None:
    visits = tmp_path / "visits"
    visits.mkdir()
    for number, name in enumerate(("a", "b", "a")):
        (visits / f"2026-0{number}.png").write_bytes((eye / f"{name}.png").read_bytes())
    result = run("--sequence", visits, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["2026-01", "2026-02"]


@pytest.mark.parametrize(
    "arguments",
    [["a.png"], ["a.png", "b.png", "--pairs", "p.csv"], [], ["a.png", "b.png", "--model", "spline"]],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    result = run(*arguments, "-o", tmp_path / "out")
    assert isinstance(result.exception, AnyresError)
    assert not (tmp_path / "out").exists()
