"""Networks and pictures that the tests of LIIF share."""

import numpy as np
import torch
from torch import Tensor

from anyres.core.coordinates import neighbours
from anyres.models.liif.architecture import CORNERS, EncoderConfig, Liif, LiifConfig, Queries

ENCODERS = {
    "edsr": EncoderConfig("edsr", channels=8, blocks=2),
    "rdn": EncoderConfig("rdn", channels=8, blocks=2, layers=2, growth=4),
}
HALOS = {"edsr": 6, "rdn": 7}  # counted by hand: convolutions of 3x3 one after another


def small_network(kind: str = "edsr", *, skip: str = "none", seed: int = 0) -> Liif:
    """A network of a few thousand weights, whose features and colours vary as much as a trained one's."""
    config = LiifConfig(ENCODERS[kind], hidden=(16, 12), skip="bilinear" if skip == "bilinear" else "none")
    torch.manual_seed(seed)
    network = Liif(config)
    with torch.no_grad():
        for parameter in network.encoder.parameters():
            parameter.mul_(1.5)
        for name, parameter in network.decoder.named_parameters():
            if name.endswith("weight"):
                parameter.mul_(2)
    return network.eval().requires_grad_(False)


def random_pixels(height: int, width: int, *, seed: int = 1) -> Tensor:
    """A picture of noise, h w 3 in [0, 1]."""
    return torch.from_numpy(np.random.default_rng(seed).random((height, width, 3), np.float32))


def every_query(size_in: tuple[int, int], size_out: tuple[int, int]) -> Queries:
    """The queries of a whole enlarged picture, row by row."""
    down, across = (neighbours(n_in, n_out) for n_in, n_out in zip(size_in, size_out, strict=True))
    rows, columns = (one.ravel() for one in np.meshgrid(*(np.arange(n) for n in size_out), indexing="ij"))
    index = [down.indices[a, rows] * size_in[1] + across.indices[b, columns] for a, b in CORNERS]
    offset = [np.stack((down.offsets[a, rows], across.offsets[b, columns]), -1) * 2 for a, b in CORNERS]
    weight = [down.weights[a, rows] * across.weights[b, columns] for a, b in CORNERS]
    cell = np.array([[2 * n_in / n_out for n_in, n_out in zip(size_in, size_out, strict=True)]], np.float32)
    arrays = (np.stack(index)[:, None], np.stack(offset)[:, None], np.stack(weight)[:, None], cell)
    return Queries(*(torch.from_numpy(array) for array in arrays))


def degenerate(size_in: int, size_out: int) -> np.ndarray:
    """Which output pixels of an axis have their centre on the last input pixel's centre."""
    doubled = (2 * np.arange(size_out) + 1) * size_in - size_out
    return np.asarray(doubled == 2 * size_out * (size_in - 1))
