"""Networks that the tests of the retina models share, of a few thousand weights each."""

import torch

from anyres.models.retina.architecture import CnnConfig, Retina, RetinaConfig, SwinConfig

SMALL: dict[str, RetinaConfig] = {
    "cnn": CnnConfig((3, 4, 5, 6), descriptor=7),
    "large kernel": CnnConfig((3, 4, 5, 6), large_kernel=5, descriptor=7),
    "swin": SwinConfig(embed=4, window=4, depths=(2, 2, 1, 1), heads=(1, 2, 2, 4), descriptor=7),
}


def small_network(config: RetinaConfig, *, seed: int = 0) -> Retina:
    torch.manual_seed(seed)
    return Retina(config).eval().requires_grad_(False)


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
