from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from anyres.core.errors import InputError
from anyres.models.retina.fire import (
    PairError,
    area_under_curve,
    evaluate_fire,
    find_pairs,
    measure,
    summarise,
)
from anyres.models.retina.transform import Projective


def put_pair(folder: Path, name: str, *, off: float = 0.0, side: int = 182) -> None:
    """A pair whose second picture's points lie `off` pixels of the file to the left of the first's."""
    for part in ("Images", "Ground Truth"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for number in (1, 2):
        PIL.Image.new("RGB", (side, side)).save(folder / "Images" / f"{name}_{number}.jpg")
    points = np.random.default_rng(0).uniform(20, 100, (10, 2))
    rows = np.hstack([points, points - [off, 0]])
    np.savetxt(folder / "Ground Truth" / f"control_points_{name}_1_2.txt", rows)


def still(fixed: Path, moving: Path) -> Projective:
    """Says of every pair that nothing moved."""
    return Projective(np.eye(3))


def test_the_area_is_the_mean_share_strictly_under_1_to_25() -> None:
    assert area_under_curve(np.array([0.0])) == 1
    assert area_under_curve(np.array([1.0])) == 24 / 25  # 1 < 1 is not so
    assert area_under_curve(np.array([24.5])) == 1 / 25
    assert area_under_curve(np.array([25.0])) == 0
    errors = np.array([0.5, 3.0, 10.2, 1e6])  # under 25, 22, 15 and 0 of the thresholds
    assert area_under_curve(errors) == pytest.approx((25 + 22 + 15) / 100)


def test_image_1_is_fixed_and_errors_are_those_of_2912_pixels(tmp_path: Path) -> None:
    put_pair(tmp_path, "S01", off=0.5)  # of 182 pixels: 8 of 2912
    found = measure(find_pairs(tmp_path)[0], still)
    assert (found.mean, found.median, found.maximum) == pytest.approx((8, 8, 8))
    right = Projective(np.array([[1, 0, 0.5], [0, 1, 0], [0, 0, 1]]))
    error = measure(find_pairs(tmp_path)[0], lambda fixed, moving: right)
    assert error.maximum == pytest.approx(0, abs=1e-9)


def test_the_wrong_pair_p37_is_left_out(tmp_path: Path) -> None:
    for name in ("P36", "P37", "P38"):
        put_pair(tmp_path, name)
    assert [pair.name for pair in find_pairs(tmp_path)] == ["P36", "P38"]
    measured = [PairError(name, "P", 1.0, 1.0, 1.0) for name in ("P36", "P37")]
    assert [pair.name for pair in summarise(measured).pairs] == ["P36"]


@pytest.mark.parametrize(
    ("median", "maximum", "verdict"),
    [
        (None, None, "failed"),
        (20.0, 50.0, "acceptable"),
        (20.1, 30.0, "inaccurate"),
        (5.0, 50.1, "inaccurate"),
    ],
)
def test_a_pair_is_failed_inaccurate_or_acceptable(
    median: float | None, maximum: float | None, verdict: str
) -> None:
    assert PairError("S01", "S", median, median, maximum).verdict == verdict


def test_a_folder_gives_the_figures_counted_by_hand(tmp_path: Path) -> None:
    for name, off in {"S01": 0.0, "S02": 0.5, "A01": 0.25, "P01": 1.0, "P02": 9.0, "P37": 0.0}.items():
        put_pair(tmp_path, name, off=off)  # 0, 8, 4, 16 and 144 of FIRE's pixels

    def register(fixed: Path, moving: Path) -> Projective | None:
        return None if fixed.stem == "S01_1" else still(fixed, moving)

    result = evaluate_fire(tmp_path, register)
    auc = {one.category: one.auc for one in result.categories}
    assert auc == pytest.approx({"S": (0 + 17) / 50, "A": 21 / 25, "P": (9 + 0) / 50}, abs=0.021)
    assert result.mean_auc == pytest.approx(np.mean(list(auc.values())))
    verdicts = {one.category: tuple(one.verdicts.values()) for one in result.categories}
    assert verdicts == {"S": (1, 0, 1), "A": (0, 0, 1), "P": (0, 1, 1)}
    lines = str(result).splitlines()
    assert lines[2].startswith("| easy (S)")
    assert "| all, mAUC    |     5 |    20.00 |        20.00 |        60.00 |" in lines[5]
    assert "strictly" in lines[-1]
    assert "Without P37" in lines[-1]


def test_the_interval_holds_the_area_and_is_the_same_for_a_seed() -> None:
    pairs = [PairError(f"A{n:02}", "A", float(n), float(n), float(n)) for n in range(14)]
    one, other = (summarise(pairs, seed=3).categories[0] for _ in range(2))
    assert one.interval == other.interval
    assert one.interval[0] < one.auc < one.interval[1]
    assert one.interval[1] - one.interval[0] > 0.1


def test_there_is_no_mean_unless_all_three_categories_are_there() -> None:
    assert summarise([PairError("S01", "S", 1.0, 1.0, 1.0)]).mean_auc is None


def test_a_map_that_leads_nowhere_is_far_off(tmp_path: Path) -> None:
    put_pair(tmp_path, "S01")
    poled = Projective(np.array([[1.0, 0, 0], [0, 1, 0], [-1, 0, 1]]))
    assert measure(find_pairs(tmp_path)[0], lambda fixed, moving: poled).verdict == "inaccurate"


def test_a_folder_without_pairs_or_with_half_ones_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pairs of FIRE"):
        find_pairs(tmp_path)
    put_pair(tmp_path, "S01")
    (tmp_path / "Images" / "S01_2.jpg").unlink()
    with pytest.raises(InputError, match=r"no picture S01_2\.jpg"):
        find_pairs(tmp_path)
    (tmp_path / "Ground Truth" / "control_points_S01_1_2.txt").write_text("1 2 3\n")
    with pytest.raises(InputError, match="rows of 3 numbers"):
        find_pairs(tmp_path)
