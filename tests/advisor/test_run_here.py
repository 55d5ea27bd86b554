from pathlib import Path

import numpy as np
import pytest

from anyres.advisor.render import rendered
from anyres.advisor.run_here import result_path, with_forecast, with_run
from anyres.core.errors import InputError, LimitError
from anyres.core.files import read_image
from anyres.core.image import Image
from tests.advisor.asked import DENOISER, LIIF, asked, text_of


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture of 24 x 20 pixels."""
    pixels = np.random.default_rng(0).random((20, 24, 3), np.float32)
    Image(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_the_proposed_workflow_runs_and_the_answer_speaks_of_this_run(photo: Path, tmp_path: Path) -> None:
    answer = with_run(asked("Enlarge my photo 2x", LIIF), photo, tmp_path / "large.png")
    assert read_image(tmp_path / "large.png").size_hw == (40, 48)
    text = text_of(answer)
    assert "This run: 24x20 pixels became 48x40, a factor of 2." in text
    assert "Recommended: SISR-Any-LIIF-RDN. Ran here: liif-compact" in text
    assert "because no RDN weights are installed" in text
    assert answer.run is not None
    assert answer.run.facts["factor"] == "2"


def test_what_is_said_of_the_run_can_be_cut_out_of_its_facts(photo: Path, tmp_path: Path) -> None:
    answer = with_run(asked("Enlarge my photo 2x", LIIF), photo, tmp_path / "large.png")
    said = [one for one in answer.sentences if any(span.source == "run" for span in one.spans)]
    assert len(said) >= 4
    for sentence in said:
        words = [answer.sources.words(span) for span in sentence.spans if span.source == "run"]
        assert all(word in sentence.text for word in words)


def test_the_loss_against_the_published_network_is_the_difference_of_two_cited_figures(
    photo: Path, tmp_path: Path
) -> None:
    answer = with_run(asked("Enlarge my photo 2x", LIIF), photo, tmp_path / "large.png")
    (sentence,) = [one for one in answer.sentences if "dB less" in one.text]
    ours, published = (float(answer.sources.words(span)) for span in sentence.spans)
    assert f" dB: {published - ours:.2f} dB less" in sentence.text


def test_a_result_that_is_there_is_not_replaced_unasked(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(b"mine")
    with pytest.raises(InputError, match="exists already"):
        with_run(asked("Enlarge my photo 2x", LIIF), photo, tmp_path / "large.png")
    assert (tmp_path / "large.png").read_bytes() == b"mine"


def test_a_picture_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"bad\.png is not a picture"):
        with_run(asked("Enlarge my photo 2x", LIIF), bad, tmp_path / "large.png")


def test_a_task_that_nothing_here_runs_is_not_run(photo: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no workflow to run"):
        with_run(asked("Remove the noise from my photo", DENOISER), photo, tmp_path / "out.png")


def test_a_picture_without_a_run_gets_a_forecast(photo: Path) -> None:
    answer = with_forecast(asked("Enlarge my photo 2.5 times in width", LIIF), photo)
    assert "Of your picture of 24x20 pixels it would make 60x50" in text_of(answer)
    rendered(answer, "text")


def test_what_does_not_fit_is_refused_before_it_runs(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyres.advisor.run_here.free_disk_bytes", lambda folder: 10)
    with pytest.raises(LimitError, match="of the disk"):
        with_forecast(asked("Enlarge my photo 2x", LIIF), photo)


def test_the_result_is_named_as_upscale_names_it(photo: Path) -> None:
    assert result_path(asked("Enlarge my photo 2x", LIIF), photo) == photo.with_name("photo.x2.png")
