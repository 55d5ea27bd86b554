import numpy as np
import pytest

from anyres.models.liif import drawings
from anyres.models.liif.drawings import draw


def drawn(side: int = 64, *, seed: int = 0) -> np.ndarray:
    return draw(side, generator=np.random.default_rng(seed))


@pytest.mark.parametrize("side", [60, 75])
def test_a_drawing_is_a_square_of_8_bits(side: int) -> None:
    drawing = drawn(side)
    assert drawing.shape == (side, side, 3)
    assert drawing.dtype == np.uint8


def test_the_same_generator_gives_the_same_drawing_and_another_does_not() -> None:
    np.testing.assert_array_equal(drawn(seed=3), drawn(seed=3))
    assert (drawn(seed=3) != drawn(seed=4)).mean() > 0.5


def test_drawings_have_colours_and_edges_from_dark_to_bright() -> None:
    values = np.stack([drawn(seed=seed) for seed in range(4)]).astype(float)
    assert values.min() < 40
    assert values.max() > 215
    assert np.abs(values[..., 0] - values[..., 1]).mean() > 10  # not grey
    assert np.abs(np.diff(values, axis=1)).max() > 80


def test_every_drawing_has_text(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [drawn(seed=seed) for seed in range(3)]
    monkeypatch.setattr(drawings, "_write", lambda canvas, generator: None)  # it is drawn last
    for seed, drawing in enumerate(before):
        assert (drawn(seed=seed) != drawing).any()


def written(monkeypatch: pytest.MonkeyPatch, mask: np.ndarray, *, seed: int) -> np.ndarray:
    """Which pixels of a canvas change when a line of text has this mask."""
    monkeypatch.setattr(drawings, "text_mask", lambda words, *, height, angle_deg: mask)
    canvas = np.full((40, 50, 3), 0.5, np.float32)
    drawings._write(canvas, np.random.default_rng(seed))
    return np.argwhere((canvas != 0.5).any(axis=-1))


def test_text_that_hangs_over_an_edge_loses_that_end_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, corner = np.ones((10, 12), np.float32), np.zeros((10, 12), np.float32)
    corner[0, 0] = 1
    hanging = 0
    for seed in range(40):
        box, first = (written(monkeypatch, mask, seed=seed) for mask in (whole, corner))
        (top, left), (bottom, right) = box.min(axis=0), box.max(axis=0) + 1
        hangs = (top == 0 and bottom < 10) or (left == 0 and right < 12)
        assert first.tolist() == ([] if hangs else [[top, left]])
        hanging += hangs
    assert hanging > 3


@pytest.mark.parametrize("shape", drawings._SHAPES)
def test_a_shape_is_a_mask_with_an_inside_an_outside_and_an_edge(shape: drawings.Mask) -> None:
    y, x = np.meshgrid(*(np.arange(256, dtype=np.float32),) * 2, indexing="ij")
    masks = np.stack([shape(y, x, np.random.default_rng(seed)) for seed in range(8)])
    assert masks.min() == 0
    assert masks.max() == 1
    assert ((masks > 0) & (masks < 1)).any()


def test_one_drawing_is_a_golden_number() -> None:
    drawing = drawn(64, seed=1)
    np.testing.assert_allclose(
        drawing.mean(axis=(0, 1)), [154.67, 112.76, 165.49], atol=1.5
    )  # typefaces differ a little
