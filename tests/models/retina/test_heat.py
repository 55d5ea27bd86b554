import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anyres.models.retina.heat import find_maxima, heat_target, label_kernel, refine, splat


def test_the_kernel_is_the_published_one() -> None:
    kernel = label_kernel()
    row = [0.27, 0.42, 0.58, 0.74, 0.88, 0.97, 1, 0.97, 0.88, 0.74, 0.58, 0.42, 0.27]
    assert kernel.shape == (13, 13)
    assert kernel[6].tolist() == pytest.approx(row, abs=0.005)
    assert kernel[0, 0] == pytest.approx(0, abs=1e-6)
    assert torch.equal(kernel, kernel.T)


def test_a_label_on_a_pixel_is_the_kernel_there_and_two_near_ones_are_one_at_most() -> None:
    target = heat_target(splat(torch.tensor([[20.0, 30.0], [21.0, 31.0]]), (40, 50))[None, None])
    alone = heat_target(splat(torch.tensor([[20.0, 30.0]]), (40, 50))[None, None])
    assert torch.allclose(alone[0, 0, 14:27, 24:37], label_kernel(), atol=1e-6)
    assert target.max() == 1
    assert (target >= alone - 1e-6).all()


@given(st.floats(8, 30), st.floats(8, 30))
def test_a_label_between_pixels_is_found_where_it_lies(y: float, x: float) -> None:
    heat = heat_target(splat(torch.tensor([[y, x]]), (40, 40))[None, None])[0, 0]
    found = refine(heat, find_maxima(heat, radius=4, above=0.5))
    assert len(found) == 1
    assert (found[0] - torch.tensor([y, x])).abs().max() < 0.2  # half a pixel for a label that was rounded


def test_labels_outside_are_left_out() -> None:
    places = splat(torch.tensor([[-2.0, 3.0], [5.0, 99.0], [3.0, 4.0]]), (10, 10))
    assert places.sum() == 1
    assert places[3, 4] == 1


def test_of_equal_maxima_the_first_in_reading_order_is_taken() -> None:
    heat = torch.zeros(30, 30)
    heat[10, 12] = heat[10, 14] = heat[12, 10] = 0.7
    heat[25, 25] = 0.9
    found = find_maxima(heat, radius=4, above=0.1)
    assert found.tolist() == [[25, 25], [10, 12]]


def test_maxima_keep_to_the_radius_the_border_and_the_count() -> None:
    generator = torch.Generator().manual_seed(0)
    heat = torch.rand(64, 48, generator=generator)
    found = find_maxima(heat, radius=3, above=0.5, border=5)
    apart = (found[:, None] - found[None]).abs().amax(-1) + 99 * torch.eye(len(found), dtype=torch.long)
    assert len(found) > 10
    assert apart.min() > 3
    assert found.min() >= 5
    assert (found < torch.tensor([59, 43])).all()
    values = heat[found[:, 0], found[:, 1]]
    assert (values.diff() <= 0).all()
    assert torch.equal(find_maxima(heat, radius=3, above=0.5, border=5, most=4), found[:4])
