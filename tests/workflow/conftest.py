"""What tests of batches share."""

from pathlib import Path

import numpy as np
import pytest

from anyres.core.image import Image
from anyres.workflow.items import Item


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    """Three small pictures a, b and c, to be enlarged by 2 into the folder `out`."""
    made = []
    for index, name in enumerate("abc"):
        path = tmp_path / f"{name}.png"
        Image(np.full((4, 6, 3), index / 2, np.float32)).save(path)
        made.append(Item({"image": path}, {"result": tmp_path / "out" / f"{name}.x2.png"}, {"scale": 2}))
    return made
