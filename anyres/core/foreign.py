"""What every converter asks of a checkpoint that another program wrote: named tensors, all of them, no other.

`read_foreign_checkpoint` (weights.py) opens the file; a model's `checkpoints.py` knows the names in it.
"""

import math
from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from anyres.core.errors import LimitError, WeightsError
from anyres.core.weights import MAX_CHECKPOINT_BYTES, ForeignCheckpoint, listed


def named_tensors(checkpoint: ForeignCheckpoint, content: object, *, wrappers: str) -> dict[str, Tensor]:
    """The tensors of a part of a checkpoint by their names; WeightsError, naming the wrappers, if none."""
    tensors = {}
    if isinstance(content, Mapping):
        tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        entries = [f"{name!r:.40}" for name in checkpoint.content]
        raise WeightsError(
            f"{checkpoint.path} holds no named tensors where checkpoints have them, but {listed(entries)}. "
            f"Give the file that the training saved, with {wrappers} in it."
        )
    return tensors


def renamed_tensors(
    checkpoint: ForeignCheckpoint,
    tensors: Mapping[str, Tensor],
    *,
    expected: Mapping[str, Tensor],
    theirs: Mapping[str, str],
    network: str,
    ignored: Collection[str] = (),
) -> dict[str, Tensor]:
    """Copies of a checkpoint's tensors in float32, under our names.

    Args:
        checkpoint: for its path, in errors.
        tensors: by their names.
        expected: a state dict of our network, on any device.
        theirs: their name for each of ours.
        network: its name, for errors.
        ignored: their names of tensors that may be there and are not needed.

    Raises:
        WeightsError: if tensors are missing, too many, of another shape, no plain numbers or not finite.
        LimitError: if they unfold to more than a checkpoint may hold.
    """
    by_theirs = {theirs[name]: tensor for name, tensor in expected.items()}
    _check(checkpoint, tensors, by_theirs, network=network, ignored=ignored)
    renamed = {
        name: torch.empty(tensor.shape, dtype=torch.float32).copy_(tensors[theirs[name]].detach())
        for name, tensor in expected.items()
    }
    broken = [theirs[name] for name, tensor in renamed.items() if not bool(tensor.isfinite().all())]
    if broken:
        raise WeightsError(
            f"{checkpoint.path} holds values that are not finite numbers, in {listed(broken)}. "
            "Its training diverged or the file is damaged; take an earlier checkpoint."
        )
    return renamed


def _check(
    checkpoint: ForeignCheckpoint,
    tensors: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    *,
    network: str,
    ignored: Collection[str],
) -> None:
    """Every tensor is there and has its shape, no other is there, and together they are not too large."""
    missing = sorted(expected.keys() - tensors.keys())
    extra = sorted(tensors.keys() - expected.keys() - set(ignored))
    if missing or extra:
        raise WeightsError(
            f"{checkpoint.path} is not a whole {network}: {listed(missing)} missing, {listed(extra)} "
            "too many. Get the file that its authors published, or save the network again."
        )
    for name, tensor in expected.items():
        found = tensors[name]
        is_plain = found.is_floating_point() and found.layout == torch.strided and found.device.type == "cpu"
        if found.shape != tensor.shape or not is_plain:
            raise WeightsError(
                f"{checkpoint.path}: tensor {name} is {found.dtype} of shape {tuple(found.shape)}; the "
                f"others ask for floating-point numbers of shape {tuple(tensor.shape)}. Get the file again."
            )
    size_bytes = sum(4 * math.prod(tensor.shape) for tensor in expected.values())
    if size_bytes > MAX_CHECKPOINT_BYTES:
        raise LimitError(
            f"{checkpoint.path} unfolds to {size_bytes / 1e6:.0f} MB of numbers; a network may have "
            f"{MAX_CHECKPOINT_BYTES / 1e6:.0f} MB. It was not converted."
        )
