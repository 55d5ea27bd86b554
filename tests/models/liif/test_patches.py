from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from anyres.core.coordinates import neighbours
from anyres.core.errors import InputError
from anyres.core.resample import resize
from anyres.models.liif.patches import PatchSettings, Pictures, cut_pair, load_pictures, sample_batch, shrink

SMALL = PatchSettings(batch=5, patch=12, queries=100, permuted=0.0, drawn=0.0, levels=(1.0,))


def noise(height: int, width: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def smooth(side: int = 64) -> np.ndarray:
    y, x = np.indices((side, side)) / side * 200
    return np.stack((y, x, 200 - x), axis=-1).astype(np.uint8)


def pictures(*arrays: np.ndarray) -> Pictures:
    return Pictures(tuple(arrays), (), 0)


def test_a_batch_has_the_shapes_and_ranges_that_the_network_takes() -> None:
    batch = sample_batch(pictures(noise(60, 80)), SMALL, generator=np.random.default_rng(0))
    assert batch.pixels.shape == (5, 3, 12, 12)
    assert batch.colours.shape == (5, 100, 3)
    assert batch.queries.index.shape == batch.queries.weight.shape == (4, 5, 100)
    assert batch.queries.offset.shape == (4, 5, 100, 2)
    assert batch.queries.cell.shape == (5, 2)
    assert 0 <= float(batch.pixels.min()) <= float(batch.pixels.max()) <= 1
    assert 0 <= int(batch.queries.index.min()) <= int(batch.queries.index.max()) < 144
    torch.testing.assert_close(batch.queries.weight.sum(0), torch.ones(5, 100))


def test_the_same_generator_gives_the_same_batch_and_another_does_not() -> None:
    source = pictures(noise(60, 80))
    one, same, other = (
        sample_batch(source, SMALL, generator=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(one.pixels, same.pixels)
    assert torch.equal(one.colours, same.colours)
    assert not torch.equal(one.pixels, other.pixels)


def test_the_blend_of_the_neighbours_is_near_the_colour_that_is_asked_for() -> None:
    """On a smooth picture the four neighbours tell the truth, but only if places, weights and turns agree."""
    batch = sample_batch(pictures(smooth()), SMALL, generator=np.random.default_rng(3))
    flat = batch.pixels.permute(0, 2, 3, 1).reshape(5, 144, 3)
    near = torch.stack([flat[b][batch.queries.index[:, b]] for b in range(5)], dim=1)
    blend = (near * batch.queries.weight[..., None]).sum(0)
    assert float((blend - batch.colours).abs().mean()) < 0.01


def test_offsets_are_in_half_pixels_of_the_small_patch_and_the_cell_is_two_over_the_factor() -> None:
    settings = replace(SMALL, scales=(3.0, 3.0), queries=36 * 36, batch=1)
    batch = sample_batch(pictures(noise(40, 40)), settings, generator=np.random.default_rng(0))
    table = neighbours(12, 36)
    found = sorted({round(float(value), 4) for value in batch.queries.offset[0, 0, :, 0]})
    assert found == sorted({round(2 * float(value), 4) for value in table.offsets[0]})
    torch.testing.assert_close(batch.queries.cell, torch.full((1, 2), 2 / 3))


def test_every_pixel_is_asked_for_at_most_once_where_there_are_enough() -> None:
    settings = replace(SMALL, scales=(1.0, 1.0), queries=144, batch=1)
    batch = sample_batch(pictures(noise(12, 12)), settings, generator=np.random.default_rng(0))
    lower, weight = batch.queries.index[0, 0], batch.queries.weight[0, 0]
    assert torch.equal(weight, torch.ones(144))
    assert sorted(lower.tolist()) == list(range(144))


def test_a_factor_near_one_has_fewer_pixels_than_queries_and_repeats_some() -> None:
    settings = replace(SMALL, scales=(1.0, 1.0), queries=200, batch=1)
    batch = sample_batch(pictures(noise(12, 12)), settings, generator=np.random.default_rng(0))
    assert set(batch.queries.index[0, 0].tolist()) == set(range(144))


def test_the_factors_cover_the_range_evenly() -> None:
    generator = np.random.default_rng(0)
    sides = [cut_pair(smooth(), SMALL, generator=generator)[1].shape[0] for _ in range(300)]
    assert min(sides) >= 12
    assert max(sides) <= 48
    assert np.mean(sides) == pytest.approx(30, abs=2)


def test_a_small_patch_is_its_large_one_shrunk_whichever_way_both_are_turned() -> None:
    generator = np.random.default_rng(0)
    seen = set()
    for _ in range(60):
        small, large = cut_pair(smooth(), SMALL, generator=generator)
        difference = small.astype(int) - shrink(np.ascontiguousarray(large), (12, 12)).astype(int)
        assert np.abs(difference).max() <= 1
        red, green = (large[..., channel].astype(int) for channel in (0, 1))
        steps = [int(np.sign(np.diff(one, axis=axis).sum())) for one in (red, green) for axis in (0, 1)]
        seen.add(tuple(steps))
    assert len(seen) == 8  # four turns, mirrored or not


def test_colour_channels_are_permuted_in_their_share_of_examples() -> None:
    flat = np.broadcast_to(np.array([10, 100, 200], np.uint8), (60, 60, 3))
    for share, expected in ((0.0, 0.0), (1.0, 5 / 6)):
        settings = replace(SMALL, permuted=share)
        generator = np.random.default_rng(0)
        colours = [cut_pair(flat, settings, generator=generator)[0][0, 0].tolist() for _ in range(200)]
        changed = np.mean([colour != [10, 100, 200] for colour in colours])
        assert changed == pytest.approx(expected, abs=0.1)


def test_shrinking_is_cubic_rounded_to_8_bits() -> None:
    picture = noise(30, 42)
    expected = np.clip(np.rint(resize(picture.astype(np.float32), (10, 14))), 0, 255)
    np.testing.assert_array_equal(shrink(picture, (10, 14)), expected)
    assert shrink(picture, (10, 14)).dtype == np.uint8


def test_pictures_are_drawn_from_as_often_as_their_side_says() -> None:
    source = pictures(np.zeros((20, 20, 3), np.uint8), np.ones((20, 60, 3), np.uint8))
    generator = np.random.default_rng(0)
    share = np.mean([source.choose(SMALL, generator).max() for _ in range(3_000)])
    assert share == pytest.approx(3**0.5 / (1 + 3**0.5), abs=0.03)


def save(folder: Path, name: str, array: np.ndarray) -> None:
    PIL.Image.fromarray(array).save(folder / name)


def test_a_folder_is_read_without_validation_pictures_and_other_files(tmp_path: Path) -> None:
    for name, seed in (("a.png", 1), ("b.bmp", 2), ("kept.png", 3)):
        save(tmp_path, name, noise(60, 70, seed=seed))
    (tmp_path / "LICENCES.tsv").write_text("a\tCC0\n", encoding="utf-8")
    found = load_pictures(tmp_path, SMALL, without=["kept"])
    assert len(found.photographs) == 2
    assert found.skipped == 0
    np.testing.assert_array_equal(found.photographs[0], noise(60, 70, seed=1))


def test_each_picture_is_used_at_every_level_that_holds_a_patch(tmp_path: Path) -> None:
    save(tmp_path, "a.png", noise(80, 100))
    found = load_pictures(tmp_path, replace(SMALL, levels=(1.0, 0.7, 0.5)), without=[])
    assert [one.shape[:2] for one in found.photographs] == [
        (80, 100),
        (56, 70),
    ]  # at 0.5 it is 40 high: under 48


def test_pictures_smaller_than_a_patch_are_left_out_and_counted(tmp_path: Path) -> None:
    save(tmp_path, "large.png", noise(48, 48))
    save(tmp_path, "flat.png", noise(47, 200))
    save(tmp_path, "tiny.png", noise(5, 5))
    found = load_pictures(tmp_path, SMALL, without=[])
    assert len(found.photographs) == 1
    assert found.skipped == 2


def test_a_folder_without_a_picture_to_train_on_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 pictures found"):
        load_pictures(tmp_path, SMALL, without=[])
    save(tmp_path, "tiny.png", noise(5, 5))
    with pytest.raises(InputError, match=r"1 pictures found, 1 of them smaller than 48 x 48.*--data"):
        load_pictures(tmp_path, SMALL, without=[])
    with pytest.raises(InputError, match="0 pictures found"):
        load_pictures(tmp_path / "missing", SMALL, without=[])
