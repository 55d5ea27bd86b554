import pytest

import anyres
from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.operations.upscale import upscale


def test_the_public_names_are_those_of_their_files() -> None:
    assert (anyres.Image, anyres.InputError, anyres.upscale) == (Image, InputError, upscale)


def test_every_public_name_is_listed_and_there() -> None:
    assert dir(anyres) == sorted(anyres.__all__)
    assert all(getattr(anyres, name) is not None for name in anyres.__all__)


def test_another_name_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'sharpen'"):
        anyres.sharpen  # noqa: B018  (the access is the test)
