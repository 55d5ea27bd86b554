import pytest
import torch
from torch import Tensor

from anyres.models.retina.architecture import RetinaMaps, sample_descriptors
from tests.models.retina.published_layout import sample_published


def own_places(cells_hw: tuple[int, int], *, first: float, step: float = 8.0) -> Tensor:
    """A map whose descriptors are (y, x, 100): the pixel where each cell lies."""
    y, x = (first + step * torch.arange(cells, dtype=torch.float64) for cells in cells_hw)
    planes = (y[:, None].expand(cells_hw), x[None].expand(cells_hw), torch.full(cells_hw, 100.0).double())
    return torch.stack(planes)[None]


def read_places(descriptors: Tensor, keypoints_yx: Tensor, *, paper_exact: bool = False) -> Tensor:
    """The places that descriptors at keypoints speak of, whatever their length."""
    maps = RetinaMaps(torch.zeros(len(descriptors), 1, 8, 8), descriptors, paper_exact)
    found = sample_descriptors(maps, keypoints_yx)
    return found[..., :2] / found[..., 2:] * 100


def random_keypoints(low: float, high_yx: tuple[float, float], count: int = 60) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    high = torch.tensor(high_yx, dtype=torch.float64)
    return low + torch.rand(1, count, 2, generator=generator, dtype=torch.float64) * (high - low)


def test_a_map_of_its_own_places_gives_back_the_keypoint_between_pixels() -> None:
    cells = (7, 11)
    keypoints = random_keypoints(3.5, (8 * 7 - 4.5, 8 * 11 - 4.5))
    torch.testing.assert_close(read_places(own_places(cells, first=3.5), keypoints), keypoints)


def test_single_precision_is_a_thousandth_of_a_pixel_off_at_most() -> None:
    keypoints = random_keypoints(3.5, (763.5, 763.5)).float()
    places = read_places(own_places((96, 96), first=3.5).float(), keypoints)
    assert float((places - keypoints).abs().max()) < 1e-3


def test_nearer_the_border_than_a_cells_middle_that_cell_speaks() -> None:
    keypoints = torch.tensor([[[0.0, 0.0], [55.0, 87.0], [-0.5, 40.0], [-20.0, 40.0]]]).double()
    places = read_places(own_places((7, 11), first=3.5), keypoints)[0].tolist()
    assert places[0] == pytest.approx([3.5, 3.5])
    assert places[1] == pytest.approx([51.5, 83.5])
    assert places[2] == pytest.approx([3.5, 40.0])
    assert places[3] == pytest.approx([3.5, 40.0])  # outside the picture


def test_the_published_grid_is_read_beside_the_keypoint() -> None:
    """Cell m of 94 lies at 8 m + 11.5 and is read at 751 / 93 m: 11.5 pixels off at first, 4.5 at last."""
    step = 751 / 93
    keypoints = random_keypoints(0, (751, 751))
    places = read_places(own_places((94, 94), first=11.5), keypoints, paper_exact=True)
    torch.testing.assert_close(places, keypoints / step * 8 + 11.5)
    ends = torch.tensor([[[0.0, 0.0], [751.0, 751.0]]]).double()
    off = read_places(own_places((94, 94), first=11.5), ends, paper_exact=True) - ends
    torch.testing.assert_close(off[0, :, 0], torch.tensor([11.5, 4.5]).double())


def test_the_published_reader_is_the_papers_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    descriptors = torch.randn(1, 5, 6, 10, generator=generator, dtype=torch.float64)
    keypoints = random_keypoints(0, (63, 95))  # of 64 x 96 pixels: the last ones lie beyond the grid
    found = sample_descriptors(
        RetinaMaps(torch.zeros(1, 1, 64, 96), descriptors, paper_exact=True), keypoints
    )
    torch.testing.assert_close(found[0], sample_published(descriptors[0], keypoints[0].flip(-1)))
    assert not found[0, (keypoints[0, :, 1] > 89)].all()  # 8 * 10 - 1 pixels, and a cell of 8.8 more


def test_descriptors_have_length_one_and_batches_do_not_touch() -> None:
    generator = torch.Generator().manual_seed(0)
    descriptors = torch.randn(2, 5, 6, 10, generator=generator)
    keypoints = random_keypoints(0, (48, 80)).float().view(2, 30, 2)
    found = sample_descriptors(RetinaMaps(torch.zeros(2, 1, 48, 80), descriptors), keypoints)
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(2, 30))
    alone = sample_descriptors(RetinaMaps(torch.zeros(1, 1, 48, 80), descriptors[1:]), keypoints[1:])
    torch.testing.assert_close(found[1:], alone)


@pytest.mark.parametrize("paper_exact", [False, True])
def test_no_keypoints_have_no_descriptors(paper_exact: bool) -> None:
    maps = RetinaMaps(torch.zeros(1, 1, 48, 80), torch.ones(1, 5, 6, 10), paper_exact)
    assert sample_descriptors(maps, torch.zeros(1, 0, 2)).shape == (1, 0, 5)


def test_half_precision_maps_are_read_in_the_keypoints_precision() -> None:
    maps = RetinaMaps(torch.zeros(1, 1, 48, 80), torch.ones(1, 5, 6, 10, dtype=torch.bfloat16))
    assert sample_descriptors(maps, torch.zeros(1, 2, 2)).dtype == torch.float32
