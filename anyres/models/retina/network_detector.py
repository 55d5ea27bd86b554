"""A trained network as a detector: keypoints are the maxima of its heat map, described by its other map.

After SuperRetina, ECCV 2022, https://arxiv.org/abs/2207.07932. Departs from it: the picture keeps its shape;
maxima on the rim of the field of view are left out; places are found to a part of a pixel.
Axes: h w the network's size. Positions are x, y in pixels of the original picture.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import nn

from anyres.core.device import Precision, choose_device, choose_precision
from anyres.core.errors import WeightsError
from anyres.core.weights import file_sha256, read_header, read_weights
from anyres.models.retina.architecture import Retina, read_config, sample_descriptors
from anyres.models.retina.heat import find_maxima, refine
from anyres.models.retina.matching import Keypoints
from anyres.models.retina.opencv import cv2
from anyres.models.retina.preparing import Prepared, between_sizes

NETWORK_SIDE: Final = 768  # pixels of the longer side, where weights do not say it
SIDES: Final = (64, 2048)  # what weights may say


@dataclass(frozen=True, eq=False)
class NetworkDetector:
    """Keypoints by a network; threads can share it."""

    network: nn.Module  # Retina, ready to use
    name: str = "network"  # of its weights
    weights_sha256: str | None = None  # of their file
    side: int = NETWORK_SIDE
    radius: int = 3  # pixels of the network's picture: of the square in which one keypoint is taken
    above: float = 0.005  # least heat
    count: int = 3000  # keypoints at most, by heat
    ratio: float = 0.9
    precision: torch.dtype = field(default_factory=lambda: choose_precision("auto", torch.device("cpu")))

    @classmethod
    def load(cls, path: Path, *, precision: Precision = "auto", device: str = "auto") -> "NetworkDetector":
        """The network of a weights file, on a device, in a precision.

        Args:
            path: of the weights file.
            precision: "auto" is bfloat16 where the device computes fast in it.
            device: "auto" is the first GPU, or else the CPU.

        Raises:
            WeightsError: if the file is damaged, or holds another model's weights, or a record that is none.
        """
        header = read_header(path)
        if header.model != "retina":
            raise WeightsError(f"{path} holds weights of {header.model}; this needs weights of retina.")
        side = header.record.get("side", NETWORK_SIDE)
        if not isinstance(side, int) or not SIDES[0] <= side <= SIDES[1]:
            raise WeightsError(
                f"{path} says it was trained on photographs of {side!r:.40} pixels a side, not of {SIDES[0]} "
                f"to {SIDES[1]}. The file is damaged or not meant for this program; get it again."
            )
        with torch.device("meta"):
            network = Retina(read_config(header.config))
        network.load_state_dict(read_weights(header, network.state_dict()), assign=True)
        target = choose_device(device)
        network = network.to(target).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        numbers = choose_precision(precision, target)
        sha256 = file_sha256(path)
        return cls(network.eval().requires_grad_(False), path.stem, sha256, side=side, precision=numbers)

    def __call__(self, prepared: Prepared) -> Keypoints:
        """Keypoints of a picture; descriptors of as many floats as the network has."""
        height, width = prepared.picture.shape
        ratio = self.side / max(height, width)
        size_hw = (max(1, round(height * ratio)), max(1, round(width * ratio)))
        kernel = cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
        picture = cv2.resize(prepared.picture, size_hw[::-1], interpolation=kernel)
        inner = cv2.resize(
            prepared.inner_field.astype(np.uint8), size_hw[::-1], interpolation=cv2.INTER_NEAREST
        )
        device = next(self.network.parameters()).device
        pixels = torch.from_numpy(picture.astype(np.float32) / 255)[None, None].to(device)
        with (
            torch.inference_mode(),
            torch.autocast(device.type, self.precision, enabled=self.precision != torch.float32),
        ):
            maps = self.network(pixels.contiguous(memory_format=torch.channels_last))
        heat = maps.heat_map[0, 0].float()
        with torch.inference_mode():
            maxima = find_maxima(heat, radius=self.radius, above=self.above)
            is_inner = torch.from_numpy(inner > 0).to(device)[maxima[:, 0], maxima[:, 1]]
            maxima = maxima[is_inner][: self.count]
            places = refine(heat, maxima)
            descriptors = sample_descriptors(maps, places[None].float())[0].float()
        scores = heat[maxima[:, 0], maxima[:, 1]].cpu().numpy()
        matrix = between_sizes(size_hw, prepared.size_hw)
        positions = places.flip(1).double().cpu().numpy() @ matrix[:2, :2].T + matrix[:2, 2]
        return Keypoints(positions, scores.astype(np.float32), descriptors.cpu().numpy())
