"""Networks whose checkpoints resemble LIIF's and are not it, told apart by their own name and their tensors'.

Many successors kept the authors' program, and with it the wrapper of a checkpoint: `model` with `name`,
`args` and `sd`.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

PARTS = ("local_ensemble", "feat_unfold", "cell_decode")  # on, where the wrapper does not say

_REGISTERED = {
    "lte": "LTE (https://arxiv.org/abs/2111.08918)",
    "metasr": "Meta-SR (https://arxiv.org/abs/1903.00875)",
    "lmliif": "LMF (latent modulated function)",
    "lmlte": "LMF (latent modulated function) on LTE",
    "sronet": "SRNO (super-resolution neural operator)",
    "ciaosr": "CiaoSR",
}
_TELLTALES = (  # a part of a tensor's name that only one family has; the first that is found tells
    ("coef.", _REGISTERED["lte"]),
    ("hypernet.", _REGISTERED["lmliif"]),
    ("imnet_q.", _REGISTERED["ciaosr"]),
    ("conv00.", _REGISTERED["sronet"]),
    ("relative_position_bias_table", "a network with a SwinIR encoder (windowed attention)"),
    (".conv_du.", "a network with an RCAN encoder (channel attention)"),
    (".UPNet.", "RDN with its own upsampler, for one factor"),
    (".rdb1.", "ESRGAN or Real-ESRGAN, for one factor"),
    ("upsample.", "a network with a pixel-shuffle upsampler, for one factor"),
)


def other_network(tensors: Mapping[str, Tensor], spec: Mapping[str, Any]) -> str | None:
    """Which network these tensors are of, in words; None if nothing speaks against LIIF as published.

    Args:
        tensors: by the names in the checkpoint.
        spec: what the authors' wrapper says: `name` and `args`; empty where there is no wrapper.
    """
    registered = str(spec.get("name", "liif"))
    if registered != "liif":
        return _REGISTERED.get(registered, f"a network registered as {registered!r:.40}")
    last = tensors.get("imnet.layers.2.weight")
    if "imnet.layers.4.weight" not in tensors and last is not None and last.shape[:1].numel() % 27 == 0:
        return _REGISTERED["metasr"]  # two layers that predict 3x3 filters for 3 colours
    for part, name in _TELLTALES:
        if any(tensor.startswith(part) or f".{part.lstrip('.')}" in tensor for tensor in tensors):
            return name
    without = [part for part in PARTS if not arguments(spec).get(part, True)]
    return f"LIIF without {' and '.join(without)}" if without else None


def arguments(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The `args` of a wrapper, or of an encoder named in them."""
    given = spec.get("args", {})
    return given if isinstance(given, Mapping) else {}
