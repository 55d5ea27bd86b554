from pathlib import Path

import PIL.Image
import pytest

from anyres.core.errors import LimitError
from anyres.core.files import Limits, read_header, read_image


def test_a_header_of_a_file_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    PIL.Image.new("RGB", (4, 4)).save(path)
    header = read_header(path)
    limits = Limits(max_megapixels=0.001)
    assert read_image(path, limits=limits, header=header).size_hw == (4, 4)
    PIL.Image.new("RGB", (400, 400)).save(tmp_path / "b.png")
    (tmp_path / "b.png").replace(path)
    with pytest.raises(LimitError, match="400 x 400"):
        read_image(path, limits=limits, header=header)
