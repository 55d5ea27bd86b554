import itertools

import pytest
import torch
from torch import Tensor, nn

from anyres.core import fused
from anyres.core.fused import conv_add, conv_relu, pointwise_relu, relu_

TYPES = {torch.float32: 1e-6, torch.bfloat16: 2e-2}


@pytest.fixture(params=TYPES, ids=str)
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    """A number format that a CPU computes in."""
    kind: torch.dtype = request.param
    return kind


def picture(dtype: torch.dtype, *, channels: int = 6) -> Tensor:
    made = torch.randn(2, channels, 9, 11, generator=torch.Generator().manual_seed(1)).to(dtype)
    return made.to(memory_format=torch.channels_last)


def convolution(dtype: torch.dtype, side: int) -> nn.Conv2d:
    torch.manual_seed(2)
    made = nn.Conv2d(6, 6, side, padding=side // 2).to(dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert isinstance(made, nn.Conv2d)
    return made


def exact(layer: nn.Module, features: Tensor) -> Tensor:
    """In float64, of the same numbers."""
    made: Tensor = layer.double()(features.double())
    return made


@pytest.mark.parametrize("side", [1, 3])
def test_a_convolution_and_its_relu_are_the_two_after_one_another(dtype: torch.dtype, side: int) -> None:
    features, layer = picture(dtype), convolution(dtype, side)
    with torch.inference_mode():
        made = conv_relu(layer, features)
        expected = exact(layer, features).relu()
    assert made.dtype == dtype
    assert float(made.min()) == 0
    torch.testing.assert_close(made.double(), expected, atol=TYPES[dtype], rtol=TYPES[dtype])


@pytest.mark.parametrize("side", [1, 3])
def test_a_residual_is_added_and_stays_as_it_was(dtype: torch.dtype, side: int) -> None:
    features, layer = picture(dtype), convolution(dtype, side)
    residual = picture(dtype).flip(0)
    before = residual.clone()
    with torch.inference_mode():
        made = conv_add(layer, features, residual)
        expected = exact(layer, features) + residual.double()
    assert torch.equal(residual, before)
    torch.testing.assert_close(made.double(), expected, atol=TYPES[dtype], rtol=TYPES[dtype])


def test_a_linear_layer_works_on_every_pixel(dtype: torch.dtype) -> None:
    torch.manual_seed(3)
    features, layer = picture(dtype), nn.Linear(6, 5).to(dtype)
    with torch.inference_mode():
        made = pointwise_relu(features, layer)
        expected = exact(layer, features.permute(0, 2, 3, 1)).relu().permute(0, 3, 1, 2)
    torch.testing.assert_close(made.double(), expected, atol=TYPES[dtype], rtol=TYPES[dtype])


def test_without_the_operators_the_numbers_are_the_same(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, layer, linear = picture(dtype), convolution(dtype, 3), nn.Linear(6, 5).to(dtype)

    def all_three() -> tuple[Tensor, ...]:
        with torch.inference_mode():
            return (
                conv_relu(layer, features),
                conv_add(layer, features, features),
                pointwise_relu(features, linear),
            )

    together = all_three()
    monkeypatch.setattr(fused, "_is_fused", lambda features: False)
    for one, other in zip(together, all_three(), strict=True):
        torch.testing.assert_close(one, other, atol=TYPES[dtype], rtol=TYPES[dtype])


def test_the_operators_are_there_and_used_where_the_processor_has_the_format(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with torch.inference_mode():
        assert fused._is_fused(picture(torch.float32))
        assert not fused._is_fused(picture(torch.float64))
        for is_fast in (False, True):
            monkeypatch.setattr(fused, "has_fast_bfloat16", lambda device, is_fast=is_fast: is_fast)
            assert fused._is_fused(picture(torch.bfloat16)) == is_fast


def test_float64_is_computed_by_the_plain_functions() -> None:
    features, layer = picture(torch.float64), convolution(torch.float64, 3)
    with torch.inference_mode():
        torch.testing.assert_close(conv_relu(layer, features), layer(features).relu())
        torch.testing.assert_close(conv_add(layer, features, features), layer(features) + features)


def test_gradients_flow_where_they_are_wanted() -> None:
    features, layer = picture(torch.float32).requires_grad_(), convolution(torch.float32, 3)
    conv_add(layer, conv_relu(layer, features), features).sum().backward()
    assert features.grad is not None
    assert layer.weight.grad is not None
    assert float(layer.weight.grad.abs().sum()) > 0


def test_under_autocast_float32_goes_in_as_everywhere() -> None:
    features, layer = picture(torch.float32), convolution(torch.float32, 3)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert conv_relu(layer, features).dtype == torch.bfloat16


def test_relu_of_the_bits_is_relu(dtype: torch.dtype) -> None:
    edges = [0.0, -0.0, 1.0, -1.0, 1e-38, -1e-38, 3e38, -3e38, float("inf"), float("-inf")]
    values = torch.tensor(
        [*edges, *(a * b for a, b in itertools.product(edges[2:4], (0.3, 7.7)))], dtype=dtype
    )
    expected = values.clone().relu()
    with torch.inference_mode():
        made = relu_(values)
    assert made is values
    assert torch.equal(made, expected)
