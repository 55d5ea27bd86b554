"""Failures seen in earlier systems of this kind: each is a test."""

import re

import pytest

from anyres.advisor.formats import FORMATS
from anyres.advisor.render import rendered
from tests.advisor.asked import DEBLUR, DENOISER, DETECTOR, EDSR, FEATSHARP, LIIF, asked, text_of


@pytest.mark.parametrize(
    "question",
    [
        "I enlarged my photo by 2x and it didn't blur. How does that work?",
        "Make my blurry-looking tiny logo three times larger, it isn't blurred, only small.",
    ],
)
def test_a_deblurrer_is_not_recommended_for_enlarging(question: str) -> None:
    answer = asked(question, DEBLUR, LIIF)
    assert (answer.task, answer.outcome) == ("sisr_any", "wrong_model")
    assert [step.by for step in answer.steps] == [LIIF["name"]]
    assert "DeblurGAN-v2 was recommended, and it is for deblurring" in text_of(answer)


def test_no_sentence_would_fit_any_question() -> None:
    first = set(text_of(asked("Enlarge my photo 2x", LIIF)).split("\n"))
    second = set(text_of(asked("Remove the noise from my photo", DENOISER)).split("\n"))
    assert not first & second


def test_only_provided_models_are_named() -> None:
    text = text_of(asked("Remove the noise from my photo", DENOISER, papers=[FEATSHARP]))
    names = set(re.findall(r"\b[A-Z]\w*[A-Z]\w*\b", text))
    assert names <= {"DnCNN", "FeatSharp"}


def test_no_abbreviation_is_expanded() -> None:
    text = text_of(
        asked("Remove the noise from my photo", {"name": "XYZNet", "detailed_category": "Denoising"})
    )
    assert "XYZNet" in text
    assert not re.search(r"XYZNet \(|stands for|short for", text)


def test_a_2x_model_is_not_said_to_give_15x() -> None:
    answer = asked("Enlarge my stamp x15 please", EDSR)
    text = text_of(answer)
    assert answer.caveats == ("scale_not_fixed_factor",)
    assert "enlarges by x2 only, not by 15." in text
    assert "4 passes of x2 give 16, which would then be shrunk to 15." in text


def test_a_factor_past_the_trained_range_is_said_to_be_so() -> None:
    answer = asked("Enlarge my stamp x15 please", LIIF)
    assert answer.caveats == ("scale_beyond_trained",)
    assert "3.75 times its end" in text_of(answer)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_nothing_is_praised_outside_a_quotation(language: str) -> None:
    answer = asked("Enlarge my photo 2x", LIIF, papers=[FEATSHARP], language=language)
    own = re.sub(r'"[^"]*"', "", text_of(answer))
    assert not re.search(
        r"\b(ideal|best|state of the art|excellent|powerful|amazing)\b|최고|완벽|뛰어난", own, re.I
    )


def test_praise_of_a_source_is_not_repeated() -> None:
    boast = {**DENOISER, "summary": "Takes a noisy picture. It is perfect and has never been beaten."}
    text = text_of(asked("Remove the noise from my photo", boast))
    assert "perfect" not in text
    assert "promises more than the other sources carry" in text


def test_a_listed_paper_of_another_task_is_not_praised_but_told_apart() -> None:
    answer = asked("Enlarge my photo 2x", LIIF, papers=[FEATSHARP])
    role = answer.roles[1]
    assert (role.role, role.task) == ("related", "feature_upsampling")
    assert "and gives a feature map, and you need a picture" in text_of(answer)


def test_a_missing_link_is_said_in_words() -> None:
    answer = asked("Enlarge my photo 2x", {**LIIF, "github": "None"})
    for form in FORMATS:
        if form != "json":
            assert "None" not in rendered(answer, form)
            assert "no code link in the sources" in rendered(answer, form)


def test_abstract_and_written_summary_are_kept_apart() -> None:
    both = {**DENOISER, "abstract": "A residual network gives the noise.", "summary": "Takes noise away."}
    answer = asked("Remove the noise from my photo", both)
    fields = {span.field for sentence in answer.sentences for span in sentence.spans if span.source == "m1"}
    assert {"abstract", "summary"} <= fields


def test_a_name_is_no_task() -> None:
    answer = asked(
        "FeatSharp sounds like a sharpener. My dog has smeared ears, he moved.", DEBLUR, papers=[FEATSHARP]
    )
    assert (answer.task, answer.steps[0].by) == ("deblurring", "DeblurGAN-v2")


def test_what_nobody_provided_does_is_refused() -> None:
    answer = asked("Read the text on my receipt and give it to me as a string.", DENOISER, DETECTOR)
    assert (answer.task, answer.outcome, answer.steps) == ("ocr", "none", ())
    assert "None of the provided sources does this." in text_of(answer)


def test_what_has_nothing_to_do_with_pictures_is_no_task() -> None:
    answer = asked("My sourdough bread collapses in the oven. What am I doing wrong?", DETECTOR)
    assert (answer.task, answer.outcome) == ("none", "none")
    assert {role.role for role in answer.roles} == {"unrelated"}


def test_what_the_sources_do_not_tell_is_said() -> None:
    answer = asked("Enlarge my photo 2x. How many seconds does it take, and what does it cost?", LIIF)
    assert set(answer.not_stated) == {"speed", "price"}
    assert "The sources do not state how long it takes and what it costs." in text_of(answer)


def test_two_tasks_as_likely_as_each_other_are_both_named() -> None:
    question = "Sharper please! No idea whether I shook or whether they are just too small."
    answer = asked(question, DEBLUR, EDSR)
    assert answer.outcome == "unclear"
    assert set(answer.candidates) == {"deblurring", "sisr"}
    assert "Which one is it" in text_of(answer)


def test_two_steps_run_in_their_order() -> None:
    answer = asked(
        "First enlarge the drone pictures 2.5 times, then find all the boats with boxes.", DETECTOR, LIIF
    )
    assert [step.by for step in answer.steps] == ["SISR-Any-LIIF-RDN", "DETR-R50"]
    assert "a picture -> SISR-Any-LIIF-RDN -> a larger picture -> DETR-R50 -> boxes with classes" in text_of(
        answer
    )


def test_detail_that_cannot_be_known_is_not_promised() -> None:
    answer = asked("Enlarge x4 so that the police can read the number plate.", LIIF)
    assert "not_recovered" in answer.caveats
    assert "it may not be read as evidence" in text_of(answer)


def test_a_method_that_is_named_by_its_paper_alone_is_known_by_its_card() -> None:
    plain = {"name": "LIIF", "paper": "https://arxiv.org/pdf/2012.09161"}
    answer = asked("Enlarge my photo 2x", plain)
    assert (answer.task, answer.outcome, answer.steps[0].runs_here) == ("sisr_any", "answer", True)


def test_a_paper_of_another_field_gets_no_task() -> None:
    paper = {"title": "Microbial Dynamics of Sourdough", "summary": "We study yeasts over thirty days."}
    answer = asked("Enlarge my photo 2x", LIIF, papers=[paper])
    assert (answer.roles[1].role, answer.roles[1].task) == ("unrelated", None)


@pytest.mark.parametrize("question", ["Shrink my photo to half its size", "사진을 절반 크기로 줄이고 싶어요"])
def test_making_smaller_is_not_enlarging(question: str) -> None:
    assert asked(question, LIIF).outcome == "none"


def test_a_model_that_enlarges_videos_is_one_for_videos() -> None:
    video = {"name": "BasicVSR", "summary": "BasicVSR enlarges videos by a factor of 4."}
    answer = asked("Upscale my video clip four times", video)
    assert (answer.task, answer.steps[0].by) == ("video_sr", "BasicVSR")


def test_a_label_is_told_of_the_model_that_has_it() -> None:
    text = text_of(asked("Enlarge my photo 2x", DEBLUR, LIIF))
    (told,) = [line for line in text.split("\n") if "was recommended" in line]
    assert "Its label" not in told


def test_korean_takes_the_particle_that_the_syllable_asks_for() -> None:
    from anyres.advisor.phrases import with_particles

    assert with_particles("블러 제거을(를) 합니다. 사진이(가) 필요") == "블러 제거를 합니다. 사진이 필요"
    assert with_particles("DnCNN이(가) 합니다") == "DnCNN이(가) 합니다"
