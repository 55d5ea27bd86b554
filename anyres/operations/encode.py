"""Encode a picture once, to render any part of it at any size."""

from anyres.core.image import Image
from anyres.core.results import ContinuousImage
from anyres.operations.load import same_size_hw
from anyres.operations.operation import Progress, operation
from anyres.operations.upscale import (
    DEFAULT_MODEL,
    Precision,
    WeightsName,
    loaded_upscaler,
    weights_that_run,
)


@operation(version="1.0.0", size=same_size_hw, weights=weights_that_run)
def encode(
    image: Image,
    *,
    model: WeightsName = DEFAULT_MODEL,
    precision: Precision = "auto",
    progress: Progress | None = None,
) -> ContinuousImage:
    """Encode a picture once, to render any part of it at any size.

    The features take about 256 bytes a pixel with 64 channels, half of that in bfloat16, and are held whole.
    """
    features: ContinuousImage = loaded_upscaler(model, precision).encode(image, progress=progress)
    return features
