import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float32

from anyres.core.image import Image
from anyres.models.retina import judging
from anyres.models.retina.engines import load_detector
from anyres.models.retina.evidence import Evidence, field_points, vessel_agreement
from anyres.models.retina.eye_pairs import make_pair
from anyres.models.retina.judging import (
    COEFFICIENTS,
    features,
    features_by_sign,
    judge,
    probability_right,
)
from anyres.models.retina.matching import Keypoints, Matches
from anyres.models.retina.preparing import Prepared, prepare
from anyres.models.retina.registration import Model, Registration, register, spread_count
from anyres.models.retina.relighting import worn
from anyres.models.retina.sift import SiftDetector
from anyres.models.retina.transform import Projective, Quadratic, Transform
from anyres.models.retina.warping import warp
from tests.models.retina.fundi import SIDE, draw_retina, fundus, photograph

DETECTOR = SiftDetector()
STILL = Projective(np.eye(3))
MOVED = Projective(np.array([[0.98, -0.1, 25.0], [0.1, 0.98, -12.0], [1e-5, 0, 1.0]]))
GOOD = Evidence(
    match_count=100,
    inlier_count=85,
    inlier_share=0.85,
    coverage=0.85,
    residual=0.001,
    overlap=0.8,
    mirrored=0.0,
    smallest_scale=0.95,
    largest_scale=1.05,
    pole_distance=0.97,
    return_error=0.001,
    agreement=0.8,
    agreement_before=0.05,
    agreement_peak=15.0,
)


def seen_moved(transform: Transform, *, seed: int = 0, view: int = 1) -> Image:
    """The photograph that `transform` lays on the eye's own: the eye moves, the camera does not."""
    inverse = transform.inverse() if isinstance(transform, Projective) else transform
    moved = warp(draw_retina(seed), inverse, (SIDE, SIDE))
    return Image(photograph(np.clip(moved, 0, 1), seed=view))


def register_images(fixed: Image, moving: Image) -> Registration:
    return register(prepare(fixed), prepare(moving), DETECTOR)


def error_of(found: Registration, truth: Transform, moving: Image) -> float:
    """Largest distance in the part of the field that both pictures see, pixels."""
    assert found.transform is not None
    places = field_points(prepare(moving))
    there = truth.apply(places)
    both = (np.linalg.norm(there - (SIDE - 1) / 2, axis=1) < 0.47 * SIDE) & np.isfinite(there).all(axis=1)
    return float(np.linalg.norm(found.transform.apply(places) - there, axis=1)[both].max())


def test_an_eye_that_moved_is_laid_on_itself() -> None:
    moving = seen_moved(MOVED)
    found = register_images(fundus(), moving)
    assert (found.status, found.reasons) == ("ok", ())
    assert found.probability > 0.9
    assert found.agree.sum() >= 12
    assert error_of(found, MOVED, moving) < 2


def test_only_matches_that_no_map_helped_to_find_speak_for_it() -> None:
    found = register_images(fundus(), seen_moved(MOVED))
    assert found.evidence is not None
    assert found.evidence.match_count != len(found.matches)


def test_spoilt_photographs_that_overlap_little_are_laid_by_a_round_eye() -> None:
    pair = make_pair("P", 2_010_122)
    assert pair.controls is not None
    fixed, moving = (Image.from_numpy(one) for one in (pair.fixed.pixels, worn(pair.moving.pixels, 4, 22)))
    found = register(prepare(fixed), prepare(moving), load_detector("rootsift+retina-compact"))
    assert found.transform is not None
    missed = np.linalg.norm(found.transform.apply(pair.controls[:, 2:]) - pair.controls[:, :2], axis=1)
    assert np.median(missed) < 5  # of 768 pixels; 32 and 685 without the round eye
    assert missed.max() < 12


def test_a_picture_turned_by_90_degrees_is_laid_on_itself() -> None:
    fixed = fundus()
    turned = Image(np.ascontiguousarray(np.rot90(fundus(view=1).pixels)))
    found = register_images(fixed, turned)
    assert found.status == "ok"
    back = Projective(np.array([[0.0, -1, SIDE - 1], [1, 0, 0], [0, 0, 1]]))
    assert error_of(found, back, turned) < 2


def test_a_mirrored_picture_fails() -> None:
    mirrored = Image(np.ascontiguousarray(fundus(view=1).pixels[:, ::-1]))
    assert register_images(fundus(), mirrored).status == "failed"


def test_another_eye_fails_with_a_sentence() -> None:
    found = register_images(fundus(), fundus(1, view=1))
    assert found.status == "failed"
    assert found.reasons
    assert all(reason.endswith(".") and reason[0].isupper() for reason in found.reasons)


def test_parts_without_overlap_fail() -> None:
    eye = photograph(draw_retina(side=2 * SIDE), surround=False)
    left, right = Image(np.ascontiguousarray(eye[:, :SIDE])), Image(np.ascontiguousarray(eye[:, SIDE:]))
    assert register_images(left, right).status == "failed"


def noise_picture() -> Float32[np.ndarray, "h w 3"]:
    return np.random.default_rng(0).random((SIDE, SIDE, 3)).astype(np.float32)


def stripes() -> Float32[np.ndarray, "h w 3"]:
    y, x = np.indices((SIDE, SIDE))
    bars: np.ndarray = ((x // 20 + y // 20) % 2 * 0.8 + 0.1).astype(np.float32)
    return np.repeat(bars[:, :, None], 3, axis=2)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((SIDE, SIDE, 3), np.float32),
        np.ones((SIDE, SIDE, 3), np.float32),
        noise_picture(),
        stripes(),
    ],
    ids=["black", "white", "noise", "stripes"],
)
def test_what_is_no_fundus_fails_with_a_sentence(pixels: Float32[np.ndarray, "h w 3"]) -> None:
    found = register_images(fundus(), Image(pixels))
    assert found.status == "failed"
    assert found.reasons[0].endswith(".")


def test_a_defect_is_said_of_the_picture_that_has_it() -> None:
    black = Image(np.zeros((SIDE, SIDE, 3), np.float32))
    for pair, name in (((black, fundus()), "fixed"), ((fundus(), black), "moving")):
        assert register_images(*pair).reasons[0].startswith(f"The {name} picture is black")


def test_dust_on_the_lens_does_not_make_two_eyes_one() -> None:
    y, x = np.indices((SIDE, SIDE))
    places = np.random.default_rng(5).uniform(0.25 * SIDE, 0.75 * SIDE, (60, 2))
    radii = np.random.default_rng(6).uniform(1, 4, 60)
    shade = np.ones((SIDE, SIDE), np.float32)
    for (column, row), radius in zip(places, radii, strict=True):
        shade -= 0.5 * np.exp(-(((x - column) ** 2 + (y - row) ** 2) / (2 * radius**2))).astype(np.float32)
    dusty = [Image(fundus(seed, view=seed).pixels * np.clip(shade, 0.2, 1)[:, :, None]) for seed in (0, 1)]
    found = register_images(*dusty)
    assert found.status != "ok"


def test_grey_and_16_bits_give_the_same_map() -> None:
    fixed, moving = fundus(), seen_moved(MOVED)  # so far as bits count, the same work twice: the same bytes
    grey = [one.to_numpy()[:, :, 1] for one in (fixed, moving)]
    eight = register_images(*(Image.from_numpy(one) for one in grey))
    sixteen = register_images(*(Image.from_numpy(one.astype(np.uint16) * 257) for one in grey))
    assert eight.status == sixteen.status == "ok"
    assert isinstance(eight.transform, Projective)
    assert isinstance(sixteen.transform, Projective)
    np.testing.assert_array_equal(eight.transform.matrix, sixteen.transform.matrix)
    assert error_of(eight, MOVED, moving) < 2


class FixedPlaces:
    """A detector that knows its matches: place k has the k-th descriptor in both pictures."""

    name = "rootsift"
    ratio = 0.9

    def __init__(self, fixed: np.ndarray, moving: np.ndarray) -> None:
        self._places = iter((fixed, moving))  # in the order in which they are asked for

    def __call__(self, prepared: Prepared) -> Keypoints:
        places = next(self._places)
        descriptors = np.eye(len(places), dtype=np.float32)
        return Keypoints(places, np.ones(len(places), np.float32), descriptors)


def matched_by_hand(truth: Transform, model: Model, *, noise: float = 0.3, count: int = 80) -> Registration:
    generator = np.random.default_rng(4)
    moving = generator.uniform(60, 260, (count, 2))
    fixed = truth.apply(moving) + generator.normal(0, noise, (count, 2))
    prepared = prepare(fundus())
    return register(prepared, prepared, FixedPlaces(fixed, moving), model=model, is_two_pass=False)


BENT = Quadratic(np.array([[9.0, 0.98, -0.05, 1.5e-4, -1e-4, 5e-5], [-4.0, 0.06, 1.03, -1.5e-4, 1e-4, 2e-4]]))
SHEARED = Projective(np.array([[1.0, 0.1, -10], [0, 0.97, 4], [0, 0, 1]]))
TILTED = Projective(np.array([[1.0, 0.1, -10], [0, 0.97, 4], [6e-4, -4e-4, 1]]))


@pytest.mark.parametrize(
    ("truth", "count", "kind"),
    [
        (TILTED, 80, "homography"),
        (BENT, 80, "quadratic"),
        (BENT, 18, "homography"),  # too few places for a quadratic
        (SHEARED, 80, "affine"),
    ],
)
def test_the_model_is_the_one_that_the_matches_justify(truth: Transform, count: int, kind: str) -> None:
    found = matched_by_hand(truth, "auto", count=count)
    assert found.transform is not None
    assert found.transform.kind == kind or (count < 20 and found.transform.kind == "affine")


@pytest.mark.parametrize("model", ["homography", "affine", "quadratic"])
def test_the_model_that_is_asked_for_is_used(model: Model) -> None:
    found = matched_by_hand(SHEARED, model)
    assert found.transform is not None
    assert found.transform.kind == model


def test_a_map_with_a_pole_fails_though_all_matches_agree() -> None:
    poled = Projective(np.array([[1.0, 0, 0], [0, 1, 0], [-1 / 290, 0, 1]]))  # at x = 290, past the matches
    found = matched_by_hand(poled, "homography")
    assert found.status == "failed"
    assert "The alignment sends a part of the picture to infinity." in found.reasons


def test_mirrored_matches_fail_though_all_agree() -> None:
    mirror = Projective(np.array([[-1.0, 0, SIDE - 1], [0, 1, 0], [0, 0, 1]]))
    found = matched_by_hand(mirror, "auto")
    assert found.status == "failed"


def test_vessels_agree_where_they_lie_and_not_beside() -> None:
    fixed, moving = prepare(fundus()), prepare(seen_moved(MOVED))
    here, before, peak = vessel_agreement(fixed, moving, MOVED)
    beside = Projective(np.array([[1.0, 0, 12], [0, 1, 5], [0, 0, 1]])).between(MOVED.matrix, np.eye(3))
    there, _, no_peak = vessel_agreement(fixed, moving, beside)
    assert here > 0.6 > 0.3 > before
    assert there < 0.3
    assert peak > 4 > no_peak


@pytest.mark.parametrize(
    ("changed", "status", "reason"),
    [
        ({"inlier_count": 8}, "failed", "Only 8 of 100 places that look alike agree"),
        ({"mirrored": 0.1}, "failed", "inside out"),
        ({"smallest_scale": 0.49}, "failed", "by 0.49 to 1.05"),
        ({"largest_scale": float("nan")}, "failed", "stretches"),
        ({"pole_distance": -0.1}, "failed", "to infinity"),
        ({"overlap": 0.0}, "failed", "no part in common"),
        ({"agreement_peak": 2.0}, "failed", "no better than a little beside"),
        ({"inlier_count": 11}, "low_confidence", "Only 11 places agree on the alignment; 12 are enough"),
        ({"coverage": 0.14}, "low_confidence", "cover 14%"),
        ({"pole_distance": 0.2}, "low_confidence", "tilts"),
        ({"return_error": float("inf")}, "low_confidence", "not determined everywhere"),
        ({"overlap": 0.05}, "low_confidence", "only 5% in common"),
        ({"agreement": 0.1}, "low_confidence", "only in part"),
        ({"agreement_before": 0.85}, "low_confidence", "better before"),
    ],
)
def test_each_limit_lowers_the_status_and_says_why(
    changed: dict[str, float], status: str, reason: str
) -> None:
    assert judge(GOOD).status == "ok"
    verdict = judge(replace(GOOD, **changed))  # type: ignore[arg-type]
    assert verdict.status == status
    assert (verdict.probability == 0) == (status == "failed")
    assert any(reason in sentence for sentence in verdict.reasons)


def test_the_probability_weighs_every_feature_and_names_its_own() -> None:
    for model in tomllib.loads(COEFFICIENTS.read_text(encoding="utf-8")).values():
        assert set(model["weights"]) == set(features(GOOD)) == set(features_by_sign())
        assert all(weight * features_by_sign()[name] >= 0 for name, weight in model["weights"].items())


def test_an_engine_without_a_model_has_that_of_rootsift() -> None:
    assert probability_right(GOOD, "of the user") == probability_right(GOOD, "rootsift")


def test_an_engine_may_ask_for_more_to_be_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    sure = 1 - 1e-9
    tables = {name: judging.LogisticModel(5.0, {}, ok) for name, ok in (("rootsift", 0.9), ("strict", sure))}
    monkeypatch.setattr(judging, "_models", lambda: tables)
    assert [judge(GOOD, engine).status for engine in tables] == ["ok", "low_confidence"]


def test_what_speaks_against_a_map_lowers_its_probability() -> None:
    assert probability_right(GOOD) > 0.95
    for worse in (
        {"inlier_count": 12},
        {"inlier_share": 0.1},
        {"coverage": 0.1},
        {"residual": 0.01},
        {"agreement": 0.0},
        {"agreement_peak": 0.0},
    ):
        assert probability_right(replace(GOOD, **worse)) <= probability_right(GOOD)


def test_places_near_each_other_count_once() -> None:
    places = np.array([[1.0, 1], [2, 2], [11, 1], [12, 15]])
    assert spread_count(Matches(places, places, np.ones(4, np.float32)), 10.0) == 3


@pytest.mark.parametrize("name", ["sift", "orb"])
def test_the_other_classical_detectors_lay_an_eye_on_itself(name: str) -> None:
    moving = seen_moved(MOVED)
    detector = load_detector(name)
    found = register(prepare(fundus()), prepare(moving), detector)
    assert found.status == "ok"
    assert error_of(found, MOVED, moving) < 3


@pytest.fixture(scope="module")
def real_pairs(data_dir: Path) -> dict[str, Prepared]:
    folder = data_dir / "retina_pairs"
    if not folder.is_dir():
        pytest.skip(f"No retina_pairs in {data_dir}.")
    return {path.stem: prepare(Image.open(path), side=640) for path in sorted(folder.glob("*.jpg"))}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fixed", "moving", "status"),
    [
        ("pair1_fixed", "pair1_moving", "ok"),
        ("pair2_fixed", "pair2_moving", "ok"),
        ("pair1_fixed", "pair2_moving", "failed"),
        ("pair2_fixed", "pair1_moving", "failed"),
    ],
)
def test_real_pairs_are_ok_and_exchanged_ones_fail(
    real_pairs: dict[str, Prepared], fixed: str, moving: str, status: str
) -> None:
    assert register(real_pairs[fixed], real_pairs[moving], DETECTOR).status == status
