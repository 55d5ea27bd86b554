from dataclasses import replace

import numpy as np
import pytest

from anyres.core.alignment import Alignment
from anyres.core.errors import InputError
from anyres.core.image import Encoding, Image
from anyres.operations.lay import lay
from anyres.operations.register import DEFAULT_ENGINE, register
from anyres.operations.verdict import verdict
from tests.models.retina.fundi import SIDE, fundus
from tests.models.retina.test_registration import MOVED, seen_moved


@pytest.fixture(scope="module")
def pair() -> tuple[Image, Image]:
    return fundus(), seen_moved(MOVED)


@pytest.fixture(scope="module")
def alignment(pair: tuple[Image, Image]) -> Alignment:
    return register(*pair)


def test_an_alignment_says_how_the_moving_picture_lies(alignment: Alignment) -> None:
    assert (alignment.status, alignment.reasons, alignment.engine) == ("ok", (), DEFAULT_ENGINE)
    assert alignment.size_hw == alignment.moving_hw == (SIDE, SIDE)
    assert alignment.matrix is not None
    place = alignment.matrix @ [160.0, 160.0, 1.0]
    truth = MOVED.apply(np.array([[160.0, 160.0]]))[0]
    np.testing.assert_allclose(place[:2] / place[2], truth, atol=1.0)
    assert len(alignment.moving) == len(alignment.agree) > 50


def test_what_is_laid_lies_on_the_fixed_picture(pair: tuple[Image, Image], alignment: Alignment) -> None:
    fixed, moving = pair
    laid = lay(fixed, moving, alignment)
    assert laid.size_hw == fixed.size_hw
    seen = laid.pixels.max(axis=2) > 0.05
    assert 0.4 < seen.mean() < 0.9

    def agreement(image: Image) -> float:
        green = [one.pixels[..., 1][seen] for one in (fixed, image)]
        return float(np.corrcoef(*green)[0, 1])

    assert agreement(laid) > agreement(moving) + 0.15  # their light differs


def test_depth_and_metadata_of_the_moving_picture_stay(
    pair: tuple[Image, Image], alignment: Alignment
) -> None:
    fixed, moving = pair
    deep = Image(moving.pixels, encoding=Encoding("png", 16), notices=("A notice.",))
    laid = lay(fixed, deep, alignment)
    assert (laid.encoding, laid.notices) == (deep.encoding, ("A notice.",))


@pytest.mark.parametrize("view", ["overlay", "checkerboard", "difference"])
def test_every_view_is_of_both_pictures(pair: tuple[Image, Image], alignment: Alignment, view: str) -> None:
    fixed, moving = pair
    made = lay(fixed, moving, alignment, view=view)  # type: ignore[arg-type]
    assert made.size_hw == fixed.size_hw
    other = lay(fixed, Image(moving.pixels[:, ::-1].copy()), alignment, view=view)  # type: ignore[arg-type]
    assert np.abs(made.pixels - other.pixels).mean() > 0.01


def test_two_eyes_are_not_laid_on_each_other(pair: tuple[Image, Image]) -> None:
    other = fundus(7)
    failed = register(pair[0], other)
    assert failed.status == "failed"
    with pytest.raises(InputError, match="cannot be laid on each other"):
        lay(pair[0], other, failed)
    told = verdict(failed)
    assert told.words["status"] == "failed"
    assert told.notes[:-1] == failed.reasons
    assert failed.reasons


def test_a_failed_map_lays_pictures_where_that_is_forced(
    pair: tuple[Image, Image], alignment: Alignment
) -> None:
    failed = replace(alignment, status="failed", probability=0.1, reasons=("It may be wrong.",))
    with pytest.raises(InputError, match=r"It may be wrong\. Give force"):
        lay(*pair, failed)
    made = lay(*pair, failed, force=True)
    assert made.notices == ("The alignment is not to be trusted: failed, probability 0.10. It may be wrong.",)
    np.testing.assert_array_equal(made.pixels, lay(*pair, alignment).pixels)


def test_low_confidence_is_said_in_a_notice(pair: tuple[Image, Image], alignment: Alignment) -> None:
    unsure = replace(alignment, status="low_confidence", probability=0.6, reasons=("Few places agree.",))
    made = lay(*pair, unsure, view="overlay")
    assert made.notices[-1].endswith("low confidence, probability 0.60. Few places agree.")


@pytest.mark.parametrize("which", [0, 1])
def test_pictures_of_another_size_than_those_registered_are_refused(
    pair: tuple[Image, Image], alignment: Alignment, which: int
) -> None:
    pictures = list(pair)
    pictures[which] = Image(pictures[which].pixels[:-1].copy())
    with pytest.raises(InputError, match=f"of {SIDE}x{SIDE} pixels; this one has {SIDE}x{SIDE - 1}"):
        lay(pictures[0], pictures[1], alignment)


def test_a_verdict_tells_the_map_in_numbers(alignment: Alignment) -> None:
    told = verdict(alignment)
    assert told.words == {"status": "ok", "model": alignment.model, "engine": DEFAULT_ENGINE}
    assert told.figures["inliers"] == alignment.agree.sum()
    assert alignment.matrix is not None
    np.testing.assert_array_equal(np.array(told.tables["matrix"]), alignment.matrix)
    bent = replace(alignment, matrix=None, quadratic=np.arange(12.0).reshape(2, 6))
    assert verdict(bent).words["model"] == "quadratic"
    assert verdict(bent).tables["quadratic"][1] == (6.0, 7.0, 8.0, 9.0, 10.0, 11.0)


def test_an_alignment_has_one_map_and_as_many_of_each(alignment: Alignment) -> None:
    for changes in ({"quadratic": np.zeros((2, 6))}, {"scores": alignment.scores[:-1]}):
        with pytest.raises(InputError, match="Register the pictures again"):
            replace(alignment, **changes)


def test_an_engine_that_there_is_not_is_refused_with_those_there_are(pair: tuple[Image, Image]) -> None:
    with pytest.raises(InputError, match="There is no engine 'surf'; there are: rootsift"):
        register(*pair, engine="surf")


def test_the_moving_picture_may_be_of_another_size_than_the_fixed_one(
    pair: tuple[Image, Image], alignment: Alignment
) -> None:
    fixed, moving = pair
    lower = Image(moving.pixels[:-40].copy())
    made = lay(fixed, lower, replace(alignment, moving_hw=lower.size_hw))
    whole = lay(fixed, moving, alignment)
    assert made.size_hw == fixed.size_hw
    np.testing.assert_array_equal(made.pixels[:200], whole.pixels[:200])
    assert not np.array_equal(made.pixels, whole.pixels)


def test_the_operation_has_the_engine_of_the_other_doors() -> None:
    from anyres.models.retina.engines import DEFAULT

    assert register.check_parameters({}).model_dump()["engine"] == DEFAULT
