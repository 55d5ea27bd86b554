import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from anyres.core.errors import LimitError, WeightsError
from anyres.core.image import Encoding, Image
from anyres.core.resample import resize
from anyres.core.tiles import Interval
from anyres.core.weights import write_weights
from anyres.models.liif import inference
from anyres.models.liif.inference import Upscaler
from anyres.models.liif.raster import enlarge
from tests.models.liif.networks import random_pixels, small_network


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return saved(tmp_path / "small.safetensors", "edsr")


def saved(path: Path, kind: str, *, model: str = "liif", trained_scales: object = (1, 4)) -> Path:
    network = small_network(kind, skip="bilinear")
    with torch.no_grad():
        network.decoder.get_parameter("layers.2.weight").mul_(0.3)  # colours that mostly stay inside [0, 1]
    record = {"trained_scales": trained_scales}
    write_weights(path, network.state_dict(), model=model, config=network.config, record=record)
    return path


def image(height: int, width: int, *, alpha: np.ndarray | None = None) -> Image:
    return Image(pixels=random_pixels(height, width).numpy(), alpha=alpha)


def untiled(upscaler: Upscaler, picture: Image, size_hw: tuple[int, int]) -> np.ndarray:
    made = enlarge(upscaler._network, torch.from_numpy(picture.pixels.copy()), size_hw)
    return made.clamp(0, 1).numpy()


def in_small_tiles(monkeypatch: pytest.MonkeyPatch, side: int) -> None:
    monkeypatch.setattr(Upscaler, "_tile_length", lambda self: side)


@pytest.mark.parametrize("kind", ["edsr", "rdn"])
@pytest.mark.parametrize("side", [7, 16])
@pytest.mark.parametrize("size", [(15, 22), (26, 37), (60, 28)])
def test_tiles_give_the_untiled_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, side: int, size: tuple[int, int]
) -> None:
    upscaler = Upscaler.load(saved(tmp_path / "one.safetensors", kind), precision="float32")
    in_small_tiles(monkeypatch, side)
    picture = image(15, 22)
    made = upscaler(picture, size_hw=size)
    assert np.abs(made.pixels - untiled(upscaler, picture, size)).max() <= 1e-5


def test_a_grey_field_shows_no_tile(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    upscaler = Upscaler.load(weights, precision="float32")
    in_small_tiles(monkeypatch, 9)
    flat = Image(pixels=np.full((28, 28, 3), 0.5, np.float32))
    inside = upscaler(flat, size_hw=(56, 56)).pixels[16:-16, 16:-16]
    phases = inside.reshape(12, 2, 12, 2, 3)  # the four places inside a pixel may differ, pixels may not
    assert np.ptp(phases, axis=(0, 2)).max() <= 1e-6


def test_stripes_are_the_rows_from_top_to_bottom(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    upscaler = Upscaler.load(weights, precision="float32")
    in_small_tiles(monkeypatch, 6)
    picture = image(20, 9)
    rows = upscaler.rows(picture, (50, 23))
    stripes = list(rows.checked_stripes())
    assert rows.size_hw == (50, 23)
    assert len(stripes) == 4
    assert all(stripe.dtype == np.float32 and stripe.flags.c_contiguous for stripe in stripes)
    assert np.abs(np.concatenate(stripes) - untiled(upscaler, picture, (50, 23))).max() <= 1e-5


def test_nothing_is_computed_before_a_stripe_is_taken(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    upscaler = Upscaler.load(weights)
    monkeypatch.setattr(inference, "encode", lambda *_, **__: pytest.fail("computed"))
    upscaler.rows(image(8, 8), (16, 16))


def test_a_stripe_is_lowered_where_the_result_is_wide(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    upscaler = Upscaler.load(weights)
    monkeypatch.setattr(inference, "STRIPE_BYTES", 40 * 128 * 4 * 4)
    heights = [stripe.shape[0] for stripe in upscaler.rows(image(96, 32), (384, 128)).stripes]
    assert sum(heights) == 384
    assert max(heights) <= 128  # the smallest tile, 32 pixels, by 4


def test_progress_goes_to_one(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    in_small_tiles(monkeypatch, 8)
    told: list[float] = []
    Upscaler.load(weights).rows(image(20, 20), (31, 31), progress=told.append).collect()
    assert len(told) == 9
    assert told == sorted(told)
    assert told[0] > 0
    assert told[-1] == 1


@pytest.mark.parametrize("size", [(5, 9), (1, 1), (30, 4), (7, 40)])
def test_an_axis_that_shrinks_is_decoded_at_its_size_then_shrunk(
    weights: Path, size: tuple[int, int]
) -> None:
    upscaler = Upscaler.load(weights, precision="float32")
    picture = image(14, 17)
    decoded = max(14, size[0]), max(17, size[1])
    expected = np.clip(resize(untiled(upscaler, picture, decoded), size, kernel="lanczos3"), 0, 1)
    np.testing.assert_allclose(upscaler(picture, size_hw=size).pixels, expected, atol=2e-5)


@pytest.mark.parametrize("size", [(90, 110), (45, 110), (90, 20)])
def test_what_is_asked_past_the_decoded_factor_is_resampled(
    monkeypatch: pytest.MonkeyPatch, weights: Path, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(inference, "DECODED", 4.0)
    upscaler = Upscaler.load(weights, precision="float32")
    in_small_tiles(monkeypatch, 4)
    picture = image(9, 11)
    decoded = min(36, size[0]), min(44, size[1])
    expected = np.clip(resize(untiled(upscaler, picture, decoded), size, kernel="lanczos3"), 0, 1)
    np.testing.assert_allclose(upscaler(picture, size_hw=size).pixels, expected, atol=2e-5)


@pytest.mark.parametrize("size", [(27, 30), (90, 100), (90, 8), (9, 11)])
@pytest.mark.parametrize("side", [4, 64])
def test_a_window_is_that_of_the_whole_result(
    monkeypatch: pytest.MonkeyPatch, weights: Path, size: tuple[int, int], side: int
) -> None:
    upscaler = Upscaler.load(weights, precision="float32")
    in_small_tiles(monkeypatch, side)
    picture = image(9, 11, alpha=np.linspace(0, 1, 99, dtype=np.float32).reshape(9, 11))
    whole = upscaler(picture, size_hw=size)
    window = Interval(size[0] // 3, size[0] - 1), Interval(2, size[1] - size[1] // 4)
    told: list[float] = []
    part = upscaler.rows(picture, size, window=window, progress=told.append).collect()
    inside = window[0].slice, window[1].slice
    np.testing.assert_allclose(part.pixels, whole.pixels[inside], atol=1e-5)
    assert part.alpha is not None
    assert whole.alpha is not None
    np.testing.assert_allclose(part.alpha, whole.alpha[inside], atol=1e-5)
    assert (told == sorted(told), told[-1]) == (True, 1)


def test_a_strip_that_covers_a_square_costs_what_the_square_costs(
    monkeypatch: pytest.MonkeyPatch, weights: Path
) -> None:
    upscaler = Upscaler.load(weights)
    in_small_tiles(monkeypatch, 8)
    calls = counted(monkeypatch, upscaler)
    made = upscaler.rows(image(4, 3000), (120, 90_000), window=(Interval(0, 120), Interval(44_940, 45_060)))
    assert made.collect().size_hw == (120, 120)
    assert len(calls) <= 2  # tiles of 8 pixels: 10 columns of the picture are read


def test_past_the_trained_factors_the_result_says_so(weights: Path) -> None:
    upscaler = Upscaler.load(weights)
    assert not upscaler.rows(image(6, 6), (24, 24)).notices
    (notice,) = upscaler.rows(image(6, 6), (24, 36)).notices
    assert "x6 is past" in notice
    assert "small" in notice


def test_alpha_goes_through_the_network_and_keeps_its_edge(weights: Path) -> None:
    upscaler = Upscaler.load(weights, precision="float32")
    alpha = np.zeros((12, 12), np.float32)
    alpha[:, 6:] = 1
    made = upscaler(image(12, 12, alpha=alpha), size_hw=(24, 24))
    grey = Image(pixels=np.repeat(alpha[..., None], 3, axis=2))
    assert made.alpha is not None
    expected = untiled(upscaler, grey, (24, 24)).mean(-1)
    np.testing.assert_allclose(made.alpha, expected, atol=1e-5)


def test_colour_hidden_under_transparency_leaves_no_fringe(weights: Path) -> None:
    upscaler = Upscaler.load(weights, precision="float32")
    alpha = np.zeros((16, 16), np.float32)
    alpha[:, 8:] = 1
    results = []
    for hidden in (0.0, 1.0):
        pixels = random_pixels(16, 16).numpy()
        pixels[:, :8] = hidden
        results.append(upscaler(Image(pixels=pixels, alpha=alpha), size_hw=(32, 32)))
    np.testing.assert_allclose(results[0].pixels, results[1].pixels, atol=1e-6)


def test_an_opaque_picture_stays_opaque_and_costs_no_second_pass(
    monkeypatch: pytest.MonkeyPatch, weights: Path
) -> None:
    upscaler = Upscaler.load(weights)
    calls = counted(monkeypatch, upscaler)
    made = upscaler(image(8, 9, alpha=np.ones((8, 9), np.float32)), size_hw=(13, 15))
    assert made.alpha is not None
    assert (made.alpha == 1).all()
    assert len(calls) == 1


def test_the_encoding_and_notices_of_the_picture_come_along(weights: Path) -> None:
    encoding = Encoding(format="png", depth=16, dpi=(300.0, 300.0))
    picture = Image(pixels=random_pixels(5, 6).numpy(), encoding=encoding, notices=("Was CMYK.",))
    made = Upscaler.load(weights)(picture, size_hw=(9, 9))
    assert made.encoding == encoding
    assert made.notices == ("Was CMYK.",)


def test_the_picture_that_is_given_is_not_touched(weights: Path) -> None:
    picture = image(9, 10, alpha=np.linspace(0, 1, 90, dtype=np.float32).reshape(9, 10))
    pixels, alpha = picture.pixels.copy(), picture.alpha
    assert alpha is not None
    before = alpha.copy()
    Upscaler.load(weights)(picture, size_hw=(21, 33))
    np.testing.assert_array_equal(picture.pixels, pixels)
    np.testing.assert_array_equal(alpha, before)


def counted(
    monkeypatch: pytest.MonkeyPatch, upscaler: Upscaler, *, failing: int = 0
) -> list[tuple[int, int]]:
    """Sizes that the encoder saw; its first `failing` calls run out of memory."""
    encoder: Any = upscaler._network.encoder
    forward: Callable[[torch.Tensor], torch.Tensor] = encoder.forward
    calls: list[tuple[int, int]] = []

    def watched(pixels: torch.Tensor) -> torch.Tensor:
        calls.append((pixels.shape[2], pixels.shape[3]))
        if len(calls) <= failing:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.")
        return forward(pixels)

    monkeypatch.setattr(encoder, "forward", watched)
    return calls


@pytest.mark.parametrize("failing", [1, 2])
def test_out_of_memory_is_tried_again_with_half_the_tile(
    monkeypatch: pytest.MonkeyPatch, weights: Path, failing: int
) -> None:
    upscaler = Upscaler.load(weights, precision="float32")
    picture = image(140, 150)
    expected = untiled(upscaler, picture, (141, 151))
    in_small_tiles(monkeypatch, 128)
    calls = counted(monkeypatch, upscaler, failing=failing)
    made = upscaler(picture, size_hw=(141, 151))
    assert np.abs(made.pixels - expected).max() <= 1e-5
    halo = upscaler._network.encoder.halo + 2
    biggest = 128 // 2**failing + 2 * halo
    assert max(max(size) for size in calls[failing:]) <= biggest  # in height and in width, from there on


def test_memory_that_never_suffices_is_refused_and_says_so(
    monkeypatch: pytest.MonkeyPatch, weights: Path
) -> None:
    upscaler = Upscaler.load(weights)
    counted(monkeypatch, upscaler, failing=10**6)
    with pytest.raises(LimitError, match="even with tiles of 32 pixels"):
        upscaler(image(40, 40), size_hw=(80, 80))


def test_another_failure_is_not_taken_for_lack_of_memory(
    monkeypatch: pytest.MonkeyPatch, weights: Path
) -> None:
    upscaler = Upscaler.load(weights)

    def broken(pixels: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("sizes do not match")

    monkeypatch.setattr(upscaler._network.encoder, "forward", broken)
    with pytest.raises(RuntimeError, match="sizes do not match"):
        upscaler(image(8, 8), size_hw=(16, 16))


def test_little_free_memory_makes_small_tiles_and_much_makes_large_ones(
    monkeypatch: pytest.MonkeyPatch, weights: Path
) -> None:
    upscaler = Upscaler.load(weights)
    sides = []
    for free in (1e3, 6e7, 1e12):
        monkeypatch.setattr(inference, "free_memory_bytes", lambda device, free=free: free)
        sides.append(upscaler._tile_length())
    assert sides[0] <= inference.SMALLEST_TILE
    assert sides[0] < sides[1] < sides[2]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_precision_that_runs_is_the_one_named(weights: Path, precision: Any) -> None:
    assert Upscaler.load(weights, precision=precision).precision == precision


def test_bfloat16_is_within_50_db_of_float32(weights: Path) -> None:
    picture = image(20, 20)
    exact, rough = (
        Upscaler.load(weights, precision=precision)(picture, size_hw=(47, 61)).pixels
        for precision in ("float32", "bfloat16")
    )
    error = float(np.square(exact - rough).mean())
    assert 0 < error <= 1e-5


def test_two_threads_share_one_model(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    upscaler = Upscaler.load(weights, precision="float32")
    in_small_tiles(monkeypatch, 8)
    pictures = [image(19, 23), Image(pixels=random_pixels(30, 12, seed=5).numpy())]
    expected = [upscaler(picture, size_hw=(44, 50)).pixels for picture in pictures]
    together = threading.Barrier(2)

    def work(picture: Image) -> np.ndarray:
        together.wait(timeout=20)
        return upscaler(picture, size_hw=(44, 50)).pixels

    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            for made, alone in zip(pool.map(work, pictures), expected, strict=True):
                np.testing.assert_array_equal(made, alone)


def test_a_call_leaves_no_trace_on_the_model(weights: Path) -> None:
    upscaler = Upscaler.load(weights)
    before = dict(vars(upscaler))
    upscaler(image(6, 7), size_hw=(13, 13))
    assert vars(upscaler) == before


def test_the_weights_say_their_name_digest_and_factors(weights: Path) -> None:
    import hashlib

    loaded = Upscaler.load(weights).weights
    assert loaded.name == "small"
    assert loaded.sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert loaded.trained_scales == (1.0, 4.0)


@pytest.mark.parametrize("told", ["x", [1], None, {}, [4, 1], [0, 4], [1, "many"]])
def test_trained_factors_that_are_none_are_refused_with_the_file(tmp_path: Path, told: object) -> None:
    path = saved(tmp_path / "odd.safetensors", "edsr", trained_scales=told)
    with pytest.raises(WeightsError, match=r"odd\.safetensors gives .* as trained_scales"):
        Upscaler.load(path)


def test_weights_of_another_model_are_refused_by_name(tmp_path: Path) -> None:
    path = saved(tmp_path / "eyes.safetensors", "edsr", model="retina")
    with pytest.raises(WeightsError, match="holds weights of retina"):
        Upscaler.load(path)


def test_a_single_pixel_can_be_enlarged(weights: Path) -> None:
    made = Upscaler.load(weights)(image(1, 1), size_hw=(3, 2))
    assert made.size_hw == (3, 2)


def test_one_picture_is_a_golden_number(weights: Path) -> None:
    flat = Image(pixels=np.full((6, 6, 3), 0.5, np.float32))
    upscaler = Upscaler.load(weights, precision="float32")
    for parameter in upscaler._network.parameters():
        parameter.zero_()
    upscaler._network.decoder.get_parameter("layers.2.bias").copy_(torch.tensor([-0.5, 0.0, 0.25]))
    made = upscaler(flat, size_hw=(9, 9)).pixels
    np.testing.assert_allclose(made, np.broadcast_to([0.25, 0.5, 0.625], made.shape), atol=1e-7)
