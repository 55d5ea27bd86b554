"""State of an unfinished training: weights, their average, the optimiser's moments, memory and the step.

One safetensors file, replaced whole: a full disk or a kill leaves the one of before.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from anyres.core.errors import WeightsError
from anyres.core.weights import read_tensors, write_tensors


def save_checkpoint(
    path: Path,
    *,
    network: nn.Module,
    average: Mapping[str, Tensor],
    optimiser: torch.optim.Optimizer,
    memory: Mapping[str, Tensor],
    progress: Mapping[str, int | float],
) -> None:
    """Write a state, and numbers that say how far it is; raises RunError if the disk does not take it."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.items()}
    tensors |= {f"memory.{name}": value for name, value in memory.items()}
    for index, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    write_tensors(path, tensors, metadata={"progress": json.dumps(dict(progress))})


def load_checkpoint(
    path: Path,
    *,
    network: nn.Module,
    average: dict[str, Tensor],
    optimiser: torch.optim.Optimizer,
    memory: Mapping[str, Tensor],
) -> dict[str, int | float]:
    """Put a saved state into network, average, optimiser and memory; the numbers that were saved with it.

    Raises:
        WeightsError: if the file is damaged or of another network.
    """
    tensors, metadata = read_tensors(path)
    try:
        progress: dict[str, int | float] = json.loads(metadata["progress"])
        network.load_state_dict(_under("network.", tensors))
        for name, value in _under("average.", tensors).items():
            average[name].copy_(value)
        for name, value in memory.items():
            value.copy_(tensors[f"memory.{name}"])
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimiser.", tensors).items():
            index, moment = name.split(".", 1)
            state.setdefault(int(index), {})[moment] = value
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    except (KeyError, RuntimeError, ValueError) as error:
        raise WeightsError(
            f"{path} is not a checkpoint of this recipe: {error}. "
            "Use another --run folder, or delete that one."
        ) from error
    return progress


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
