import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.core.files import write_image
from anyres.core.image import Image
from anyres.models.retina import engines, evaluation, judging
from anyres.models.retina.evaluation import evaluate, synthetic_records
from anyres.models.retina.eye_pairs import make_pair, make_pairs, write_pairs
from anyres.models.retina.fire import FIRE_SIDE
from anyres.models.retina.judging import OK_PROBABILITY, LogisticModel, Status, features_by_sign
from anyres.models.retina.measuring import (
    PairRecord,
    auroc,
    calibration_error,
    figures_of,
    mauc_interval,
    mean_auc,
    measure_pair,
    recorded,
    reliability,
)
from anyres.models.retina.opencv import cv2
from anyres.models.retina.preparing import prepare
from anyres.models.retina.relighting import draw_quadratic, warped_pair
from anyres.models.retina.sift import SiftDetector
from tests.models.retina.fundi import fundus
from tools.calibrate_registration import fitted, least_ok, values_of, write


def record(
    name: str, *, error: float | None = 1.0, probability: float = 1.0, status: Status = "ok"
) -> PairRecord:
    return PairRecord(name, name[0], status, probability, error, error, error, 20, 0.1, None)


def test_the_area_under_the_roc_is_the_share_of_right_orders() -> None:
    score = np.array([0.9, 0.8, 0.3, 0.3])
    assert auroc(score, np.array([True, True, False, False])) == 1
    assert auroc(score, np.array([True, False, True, False])) == pytest.approx((1 + 1 + 0 + 0.5) / 4)


def test_the_calibration_error_is_nothing_where_what_is_said_is_so() -> None:
    said = np.array([0.25] * 4 + [0.75] * 4)
    so = np.array([True, False, False, False, True, True, True, False])
    assert calibration_error(said, so) == pytest.approx(0)
    assert calibration_error(said, ~so) == pytest.approx(0.5)


def test_figures_by_hand() -> None:
    records = [
        record("S000", error=0.5),
        record("S001", error=12.5),
        record("P000", error=None, status="failed", probability=0.0),
        record("N000", error=None, status="ok", probability=0.2),
        record("N001", error=None, status="failed", probability=0.0),
    ]
    found = figures_of(records)
    assert found["classes"]["S"]["auc"] == pytest.approx((25 / 25 + 13 / 25) / 2)
    assert found["classes"]["P"] == {
        "pairs": 1,
        "auc": 0,
        "median_error": 1e6,
        "failed": 1,
        "inaccurate": 0,
        "acceptable": 0,
        "ok": 0,
        "low_confidence": 0,
        "wrong_but_ok": 0,
    }
    assert found["mauc"] == pytest.approx(0.38)
    assert (found["negatives"], found["negatives_ok"]) == (2, 1)
    assert found["auroc"] == 1
    assert found["false_accepts_at_95"] == 0


def test_a_map_that_is_wrong_and_called_ok_is_counted() -> None:
    found = figures_of([record("S000", error=0.03 * FIRE_SIDE), record("S001")])
    assert found["classes"]["S"]["wrong_but_ok"] == 1


def test_the_interval_of_a_difference_pairs_the_engines() -> None:
    one = [record(f"S{number:03d}", error=float(number % 20)) for number in range(30)]
    other = [record(f"S{number:03d}", error=float(number % 20) + 1) for number in range(30)]
    low, high = mauc_interval([other, one], lambda sides: mean_auc(sides[1]) - mean_auc(sides[0]))
    assert low == pytest.approx(1 / 25)
    assert high == pytest.approx(1 / 25)


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def measure(name: str) -> PairRecord:
        asked.append(name)
        return record(name)

    path = tmp_path / "deep" / "records.jsonl"
    first = list(recorded(path, ["S000", "S001"], measure, engine="orb"))
    again = list(recorded(path, ["S000", "S001", "S002"], measure, engine="orb"))
    assert asked == ["S000", "S001", "S002"]
    assert again[:2] == first
    path.write_text("hello\n")
    with pytest.raises(InputError, match="no records"):
        list(recorded(path, ["S000"], measure, engine="orb"))


def test_half_a_line_of_a_killed_run_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    list(recorded(path, ["S000", "S001"], record, engine="orb"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert [one.name for one in recorded(path, ["S000", "S001"], record, engine="orb")] == ["S000", "S001"]
    assert path.read_bytes() == whole


def test_kept_records_are_judged_by_the_table_of_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = make_pair("S", 11, side=384)
    fixed, moving = (prepare(Image.from_numpy(one.pixels)) for one in (pair.fixed, pair.moving))
    found = measure_pair("S011", "S", fixed, moving, None, SiftDetector())
    path = tmp_path / "records.jsonl"
    assert [one.status for one in recorded(path, ["S011"], lambda name: found, engine="rootsift")] == ["ok"]
    doubter = {"rootsift": LogisticModel(-90.0, dict.fromkeys(features_by_sign(), 0.0))}
    monkeypatch.setattr(judging, "_models", lambda: doubter)
    again = next(iter(recorded(path, ["S011"], record, engine="rootsift")))
    assert again.status == "failed"
    assert again.probability < 1e-9


def test_the_bins_of_a_reliability_diagram() -> None:
    said, so = np.array([0.05, 0.07, 1.0]), np.array([False, True, True])
    assert reliability(said, so) == [(2, pytest.approx(0.06), 0.5), (1, 1.0, 1.0)]


def test_a_pair_is_measured_against_its_control_points() -> None:
    pair = make_pair("S", 11, side=384)
    fixed, moving = (prepare(Image.from_numpy(one.pixels)) for one in (pair.fixed, pair.moving))
    assert pair.controls is not None
    truth = pair.controls[:, 2:], pair.controls[:, :2]
    found = measure_pair("S011", "S", fixed, moving, truth, SiftDetector())
    assert found.is_right
    assert found.counts_as == "acceptable"
    off = measure_pair("S011", "S", fixed, moving, (truth[0], truth[1] + 384 * 0.03), SiftDetector())
    assert not off.is_right
    assert found.mean is not None
    assert off.mean == pytest.approx(0.03 * np.sqrt(2) * FIRE_SIDE, abs=3 * found.mean)


def test_a_warped_copy_is_where_the_truth_says() -> None:
    fixed, moving, (there, here) = warped_pair(fundus(), np.random.default_rng(3))
    assert len(there) > 100
    found = measure_pair("w", "warped", prepare(fixed), prepare(moving), (there, here), SiftDetector())
    assert found.mean is not None
    assert found.mean < 12


@pytest.mark.parametrize("seed", range(4))
def test_no_black_tells_of_the_warp(seed: int) -> None:
    assert fundus().pixels[0, 0].max() < 0.05  # outside the field of view
    for image in warped_pair(fundus(), np.random.default_rng(seed))[:2]:
        assert image.size_hw[0] > 0.5 * fundus().size_hw[0]
        assert cv2.GaussianBlur(image.pixels.max(axis=2), (0, 0), 2).min() > 0.1


def test_a_photograph_without_a_retina_is_not_warped() -> None:
    with pytest.raises(InputError, match="is black"):
        warped_pair(Image(np.zeros((100, 100, 3), np.float32)), np.random.default_rng(0))


def test_a_drawn_quadratic_bends_by_one_to_three_percent() -> None:
    for seed in range(10):
        bent = draw_quadratic(1000, 800, np.random.default_rng(seed))
        angle = np.linspace(0, 2 * np.pi, 50)
        rim = np.stack((499.5 + 500 * np.cos(angle), 399.5 + 500 * np.sin(angle)), axis=1)
        middle = np.array([[499.5, 399.5]])
        straight = bent.apply(middle) + (rim - middle) @ bent.jacobian(middle)[0].T
        off = np.linalg.norm(bent.apply(rim) - straight, axis=1)
        assert 8 < off.max() < 45


def test_made_pairs_are_drawn_once_and_measured_by_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "SIDE", 256)
    found = evaluate(
        tmp_path,
        protocol="synthetic",
        engines="rootsift,orb",
        pairs=1,
        negatives=1,
        figures=tmp_path / "f.json",
    )
    written = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))
    assert set(written) == {"synthetic rootsift", "synthetic orb"}
    assert "mAUC above rootsift" in written["synthetic orb"]["figures"]["against"]
    assert "| rootsift" in str(found)
    file = tmp_path / "worn.json"
    evaluate(tmp_path, protocol="synthetic", engines="orb", pairs=1, negatives=0, wear=5, figures=file)
    assert "synthetic-5 orb" in json.loads(file.read_text(encoding="utf-8"))
    monkeypatch.setattr(evaluation, "make_pair", None)
    again = synthetic_records(tmp_path, "rootsift", {"S": 1, "P": 1, "A": 1, "N": 1})
    assert [one.kind for one in again] == ["S", "P", "A", "N"]


def test_photographs_are_warped_and_no_two_of_them_match(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (1, 2):
        write_image(fundus(seed=seed), tmp_path / f"eye{seed}.png")
    found = evaluate(tmp_path, protocol="warped", engines="rootsift")
    assert isinstance(found, evaluation.RetinaEvaluation)
    figures = found.figures["rootsift"]
    assert figures["classes"]["warped"]["pairs"] == 2
    assert (figures["negatives"], figures["negatives_ok"]) == (1, 0)
    assert not list(tmp_path.glob("*.jsonl"))
    first = evaluation.warped_records(tmp_path, "rootsift", kept=tmp_path / "kept")
    monkeypatch.setattr(evaluation, "measure_pair", None)
    assert evaluation.warped_records(tmp_path, "rootsift", kept=tmp_path / "kept") == first
    (tmp_path / "eye2.png").unlink()
    with pytest.raises(InputError, match="1 photographs"):
        evaluate(tmp_path, protocol="warped")


def test_fires_layout_is_measured(tmp_path: Path) -> None:
    write_pairs(tmp_path, make_pairs({"S": 1, "P": 1, "A": 1}, first_seed=40, side=384))
    found = evaluate(tmp_path, protocol="fire", engines="rootsift", figures=tmp_path / "f.json")
    assert "mAUC" in str(found)
    written = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))["fire rootsift"]["figures"]
    assert [one["name"] for one in written["pairs"]] == ["A001", "P001", "S001"]


def test_other_weights_of_the_same_name_are_measured_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "mine.safetensors"
    monkeypatch.setattr(engines, "weights_paths", lambda: {"mine": weights})
    files = set()
    for content in (b"first", b"second"):
        weights.write_bytes(content)
        files |= {evaluation._file_of(tmp_path, "test", engine) for engine in ("mine", "rootsift+mine")}
    assert len(files) == 4
    assert evaluation._file_of(tmp_path, "test", "orb").name == "test-orb.jsonl"


def test_a_calibration_tells_right_from_wrong_and_keeps_its_signs(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)

    def made(is_right: bool) -> PairRecord:
        more = 1.0 if is_right else 0.0
        features = {
            "inliers": 2 + 3 * more + generator.normal(),
            "inlier_share": 0.1 + 0.5 * more,
            "coverage": generator.random(),
            "residual": 0.004 - 0.002 * more,
            "agreement": 0.5 * more - 0.5 * generator.random(),
            "agreement_peak": 3 + 8 * more,
        }
        return PairRecord("S", "S", "ok", 1.0, 1.0, 1.0, 1.0, 9, 0.1, features)

    right = np.arange(60) < 40
    records = [made(bool(one)) for one in right]
    constant, weights = fitted(records, right)
    score = constant + values_of(records) @ np.array(list(weights.values()))
    assert ((score > 0) == right).all()
    assert weights["residual"] <= 0
    assert weights["inliers"] >= 0
    (tmp_path / "j.toml").write_text('# head\n\n["rootsift"]\nconstant = 1\n["rootsift".weights]\na = 1\n')
    write(tmp_path / "j.toml", "net", LogisticModel(constant, weights, 0.95), "60 maps")
    write(tmp_path / "j.toml", "net", LogisticModel(7.0, weights, 0.95), "60 maps")
    text = (tmp_path / "j.toml").read_text(encoding="utf-8")
    assert text.count('["net"]') == 1
    assert "constant = 7" in text
    assert tomllib.loads(text)["net"] == {
        "constant": 7.0,
        "ok": 0.95,
        "weights": pytest.approx(weights, rel=1e-5),
    }
    assert tomllib.loads(text)["rootsift"] == {"constant": 1, "weights": {"a": 1}}


def test_what_is_ok_lies_above_every_wrong_map_that_no_test_excludes() -> None:
    far = 0.03 * FIRE_SIDE
    records = [
        record("S000"),
        record("S001", error=far, probability=0.4),
        record("N000", error=None, probability=0.4),
        record("S002", error=far, probability=0.0),  # excluded
    ]
    assert least_ok(records, np.array([0.99, 0.95, 0.9626, 0.98])) == 0.963
    assert least_ok(records, np.array([0.99, 0.1, 0.2, 0.98])) == OK_PROBABILITY
