import runpy
import sys

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.models.retina import opencv
from anyres.models.retina.preparing import prepare
from anyres.models.retina.sift import OrbDetector, SiftDetector
from tests.models.retina.fundi import fundus


def dotted(x: float, y: float, *, side: int = 240) -> Image:
    """A bright picture with one dark blurred dot."""
    rows, columns = np.indices((side, side))
    dot = 0.4 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 72)
    return Image(np.repeat((0.6 - dot).astype(np.float32)[:, :, None], 3, axis=2))


@pytest.mark.parametrize("side", [240, 120])
def test_sift_finds_a_dot_at_its_place_in_the_original(side: int) -> None:
    found = SiftDetector()(prepare(dotted(100.3, 131.6), side=side))
    nearest = np.linalg.norm(found.positions - [100.3, 131.6], axis=1).min()
    assert nearest < 0.5


def test_rootsift_is_the_root_of_sift_and_has_length_1() -> None:
    prepared = prepare(fundus())
    root, plain = (SiftDetector(is_root=is_root)(prepared).descriptors for is_root in (True, False))
    np.testing.assert_allclose(root**2, plain / plain.sum(axis=1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(root, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("detector", [SiftDetector(), OrbDetector()])
def test_keypoints_lie_inside_the_field_and_away_from_its_rim(detector: SiftDetector | OrbDetector) -> None:
    prepared = prepare(fundus())
    found = detector(prepared)
    assert len(found) > 50
    columns, rows = np.rint(prepared.at_work(found.positions)).astype(int).T
    assert prepared.inner_field[rows, columns].mean() > 0.99


@pytest.mark.parametrize("detector", [SiftDetector(), OrbDetector()])
def test_a_picture_without_anything_has_no_keypoints(detector: SiftDetector | OrbDetector) -> None:
    nothing = prepare(Image(np.zeros((100, 100, 3), np.float32)))
    assert len(detector(nothing)) == 0


def test_without_opencv_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(InputError, match=r"pip install 'anyres\[retina\]'"):
        runpy.run_path(str(opencv.__file__))
