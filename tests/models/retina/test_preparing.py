import numpy as np
import pytest

from anyres.core.image import Image
from anyres.models.retina.preparing import enhance, find_field, prepare, shrink
from tests.models.retina.fundi import SIDE, draw_retina, fundus, photograph


def disc(side: int, radius: float) -> np.ndarray:
    y, x = np.indices((side, side)) - (side - 1) / 2
    return np.asarray(np.hypot(x, y) <= radius)


def test_the_field_of_view_is_the_round_part() -> None:
    field = prepare(fundus()).field
    assert (field != disc(SIDE, 0.48 * SIDE)).mean() < 0.02


def test_the_whole_picture_is_the_field_where_there_is_no_dark_surround() -> None:
    assert prepare(Image(photograph(draw_retina(), surround=False))).field.all()


def test_the_notch_of_a_camera_is_cut_off_the_field_and_a_shadow_at_the_rim_is_not() -> None:
    brightness = np.where(disc(300, 140), 0.6, 0.0).astype(np.float32)
    shaded, notched = brightness.copy(), brightness.copy()
    shaded[140:170, :40] *= 0.05
    notched[145:157, 285:296] = 0.6  # sticks out by 6 pixels
    whole = find_field(brightness)
    assert (find_field(shaded) != whole).mean() < 0.01
    assert not find_field(notched)[150, 294]


def test_grey_and_16_bits_prepare_to_the_same_as_8_bits_in_colour() -> None:
    colour = fundus().to_numpy()
    grey = np.repeat(colour[:, :, 1:2], 3, axis=2)
    one = prepare(Image.from_numpy(colour))
    eight = prepare(Image.from_numpy(grey[:, :, 0]))
    sixteen = prepare(Image.from_numpy(grey[:, :, 0].astype(np.uint16) * 257))
    np.testing.assert_array_equal(eight.picture, sixteen.picture)
    np.testing.assert_array_equal(eight.field, sixteen.field)
    assert (one.field != eight.field).mean() < 0.01
    inside = one.inner_field & eight.inner_field
    assert np.abs(one.picture[inside].astype(int) - eight.picture[inside]).mean() < 1


@pytest.mark.parametrize(
    ("pixels", "sentence"),
    [
        (np.zeros((200, 200, 3)), "is black"),
        (np.ones((200, 200, 3)), "no contrast"),
        (np.full((200, 200, 3), 0.4), "no contrast"),
        (np.random.default_rng(0).random((40, 300, 3)), "is 300 x 40 pixels"),
    ],
)
def test_a_picture_in_which_nothing_is_seen_has_a_defect_in_a_sentence(
    pixels: np.ndarray, sentence: str
) -> None:
    defect = prepare(Image(pixels.astype(np.float32))).defect
    assert defect is not None
    assert sentence in defect
    assert defect.endswith(".")


def test_a_large_picture_is_made_smaller_and_positions_know_where_they_come_from() -> None:
    pixels = np.repeat(np.repeat(fundus().pixels, 2, axis=0), 2, axis=1)
    prepared = prepare(Image(pixels), side=SIDE)
    assert prepared.picture.shape == (SIDE, SIDE)
    positions = np.array([[0.0, 0.0], [10.0, 20.0]])
    np.testing.assert_allclose(prepared.in_original(positions), [[0.5, 0.5], [20.5, 40.5]])
    np.testing.assert_allclose(prepared.at_work(prepared.in_original(positions)), positions, atol=1e-9)
    assert prepared.diameter == pytest.approx(2 * 0.96 * SIDE, rel=0.02)


def test_contrast_is_even_and_outside_the_field_goes_on_what_is_at_its_rim() -> None:
    field = disc(200, 80)
    green = np.where(field, 0.3 + 0.1 * np.random.default_rng(0).random((200, 200)), 0).astype(np.float32)
    picture = enhance(green, field)
    assert picture[field].std() > 40  # of a tenth of the range before
    rim = shrink(field, 2) ^ shrink(field, 6)
    outside = ~field & ~shrink(~field, 5)
    assert abs(picture[rim].mean() - picture[outside].mean()) < 20


def test_shrinking_takes_the_rim_and_the_border_of_the_picture() -> None:
    inner = shrink(np.ones((20, 30), bool), 4)
    assert inner.sum() == 12 * 22
    assert inner[4, 4]
    assert not inner[3, 10]
