"""A convolution together with what follows it: ReLU, or the sum with a residual.

On a CPU these pointwise functions take as long as the convolutions between them, for they wait for memory.
oneDNN applies them while the convolution's result is still in the processor's registers; PyTorch offers that
to its compiler as operators of the library `mkldnn`. Where they are missing or the processor does not compute
the number format by itself, and where gradients are wanted, the plain functions stand in. Only rounding
differs: the fused sum is rounded once, not twice.
Axes: b batch, c channels in, k channels out, h w height and width, y x those after a convolution
that may change them.
"""

from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from anyres.core.device import has_fast_bfloat16

_CPU: Final = torch.device("cpu")


def conv_relu(conv: nn.Conv2d, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k y x"]:
    """max(conv(features), 0)."""
    if not _is_fused(features):
        made: Tensor = conv(features)
        return made.relu_()
    one = features, conv.weight, conv.bias, *_geometry(conv)
    fused: Tensor = torch.ops.mkldnn._convolution_pointwise(*one, "relu", [], "")
    return fused


def conv_add(
    conv: nn.Conv2d, features: Float[Tensor, "b c h w"], residual: Float[Tensor, "b k h w"]
) -> Float[Tensor, "b k h w"]:
    """conv(features) + residual."""
    if not _is_fused(features):
        plain: Tensor = conv(features)
        return plain + residual
    two = features, residual, conv.weight, conv.bias, *_geometry(conv)
    fused: Tensor = torch.ops.mkldnn._convolution_pointwise.binary(*two, "add", 1.0, None, [], None)
    return fused


def pointwise_relu(features: Float[Tensor, "b c h w"], layer: nn.Linear) -> Float[Tensor, "b k h w"]:
    """max(layer(features), 0), a linear layer as a 1x1 convolution."""
    weight = layer.weight[:, :, None, None]
    if not _is_fused(features):
        return functional.conv2d(features, weight, layer.bias).relu_()
    geometry = [0, 0], [1, 1], [1, 1], 1
    fused: Tensor = torch.ops.mkldnn._convolution_pointwise(
        features, weight, layer.bias, *geometry, "relu", [], ""
    )
    return fused


def relu_(values: Tensor) -> Tensor:
    """max(values, 0), in place.

    Of bfloat16 the sign is that of its bits read as an integer, and integers are compared several times as
    fast on a CPU (a NaN with a sign becomes 0).
    """
    if values.dtype == torch.bfloat16 and values.device.type == "cpu" and not torch.is_grad_enabled():
        values.view(torch.int16).clamp_min_(0)
        return values
    return values.relu_()


def _is_fused(features: Tensor) -> bool:
    return (
        features.device.type == "cpu"
        and (
            features.dtype == torch.float32 or (features.dtype == torch.bfloat16 and has_fast_bfloat16(_CPU))
        )
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and torch.backends.mkldnn.is_available()
        and torch._C._get_mkldnn_enabled()
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    )


def _geometry(conv: nn.Conv2d) -> tuple[list[int], list[int], list[int], int]:
    assert not isinstance(conv.padding, str), "padding is given in numbers here"
    return list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups
