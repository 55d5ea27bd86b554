from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:  # pytest's jaxtyping hook must come before the package
    from anyres.models.retina.eye_rendering import World
    from anyres.models.retina.eyes import Eye

SIDE = 96


@pytest.fixture(scope="session")
def eye() -> "Eye":
    from anyres.models.retina.eyes import make_eye

    return make_eye(5)


@pytest.fixture(scope="session")
def world(eye: "Eye") -> "World":
    from anyres.models.retina.eye_rendering import render_world

    return render_world(eye, side=512)


@pytest.fixture
def generator() -> Iterator[np.random.Generator]:
    yield np.random.default_rng(0)
