"""Operations of a line or two for tests of graphs, declared for as long as a test needs them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from anyres.core.image import Image, Rows
from anyres.core.results import Report
from anyres.core.sizes import SizeHW
from anyres.operations.operation import OPERATIONS, operation

Times = Annotated[int, Field(ge=1, le=9, description="How often.")]


def repeated_size(size_hw: SizeHW, *, times: int) -> SizeHW:
    return size_hw[0] * times, size_hw[1]


def beside_size(left_hw: SizeHW, right_hw: SizeHW) -> SizeHW:
    return max(left_hw[0], right_hw[0]), left_hw[1] + right_hw[1]


def pile_size(sizes_hw: tuple[SizeHW, ...]) -> SizeHW:
    return sum(height for height, _ in sizes_hw), max(width for _, width in sizes_hw)


def trimmed_size(size_hw: SizeHW, *, most: int) -> SizeHW:
    return min(size_hw[0], most), min(size_hw[1], most)


@contextmanager
def declared_inside(declare: Callable[[], None]) -> Iterator[None]:
    """What `declare` declares are operations inside, and no longer behind it."""
    before = set(OPERATIONS)
    declare()
    try:
        yield
    finally:
        for name in set(OPERATIONS) - before:
            if OPERATIONS[name].function.__module__ == declare.__module__:  # others were only imported
                del OPERATIONS[name]


def small_operations() -> AbstractContextManager[None]:
    """`tall`, `trim`, `beside`, `pile` and `tell` are operations inside."""
    return declared_inside(_declare)


def _declare() -> None:
    @operation(version="1.2.0", size=repeated_size)
    def tall(image: Image, *, times: Times = 2) -> Rows:
        """Repeat a picture downwards, row by row."""
        stripes = (image.pixels for _ in range(times))
        size_hw = (image.height * times, image.width)
        return Rows(size_hw, has_alpha=False, encoding=image.encoding, stripes=stripes)

    @operation(version="1.0.0", size=trimmed_size)
    def trim(image: Image, *, most: Annotated[int, Field(ge=1)] = 8) -> Image:
        """Keep the top left corner."""
        return Image(np.ascontiguousarray(image.pixels[:most, :most]))

    @operation(version="1.0.0", size=beside_size)
    def beside(left: Image, right: Image) -> Image:
        """Two pictures beside each other on black."""
        pixels = np.zeros((*beside_size(left.size_hw, right.size_hw), 3), np.float32)
        pixels[: left.height, : left.width] = left.pixels
        pixels[: right.height, left.width :] = right.pixels
        return Image(pixels)

    @operation(version="1.0.0", size=pile_size)
    def pile(images: tuple[Image, ...]) -> Image:
        """Pictures below each other on black."""
        height, width = pile_size(tuple(image.size_hw for image in images))
        pixels, top = np.zeros((height, width, 3), np.float32), 0
        for image in images:
            pixels[top : top + image.height, : image.width] = image.pixels
            top += image.height
        return Image(pixels)

    @operation(version="1.0.0", size=None)
    def tell(image: Image) -> Report:
        """The mean of a picture."""
        return Report("mean", {"mean": float(image.pixels.mean())})


def document(nodes: object, outputs: dict[str, str], **more: Any) -> dict[str, Any]:
    """The JSON of a document with an input `photo`."""
    head = {"anyres_workflow": 1, "name": "small", "version": "1.0.0", "inputs": {"photo": {"type": "Image"}}}
    return {**head, "nodes": nodes, "outputs": outputs, **more}


def node(operation: str, image: object = "inputs.photo", **parameters: Any) -> dict[str, Any]:
    """The JSON of a node of one port, named as `trim` and `tall` have it; `pile` has another."""
    name = operation if "@" in operation else f"{operation}@1.0.0"
    port = "images" if name.startswith("pile@") else "image"
    return {"operation": name, "inputs": {port: image}, "parameters": parameters}
