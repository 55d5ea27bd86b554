import pytest

from anyres.advisor.abilities import able
from anyres.advisor.attributes import asked_attributes
from anyres.advisor.brief import brief_of
from anyres.advisor.lexicon import NO_TASK
from anyres.advisor.question import read_question
from anyres.advisor.ranking import ENLARGE, _weights, scores, signals
from tests.advisor.asked import DEBLUR, DENOISER, DETECTOR, EDSR, LIIF, asked, text_of

VIDEO = {"name": "BasicVSR", "detailed_category": "Video SR"}
REAL = {"name": "BSRGAN", "detailed_category": "Real-World SR"}


def test_every_signal_has_a_weight_and_every_weight_a_signal() -> None:
    brief = brief_of({"question": "Remove the noise", "models": [DENOISER, EDSR]})
    found = signals(read_question(brief.question), [able(one) for one in brief.models], [])
    assert {name for of_task in found.values() for name in of_task} == _weights().keys()


def test_the_task_of_the_words_is_ranked_first_and_a_provided_one_before_others() -> None:
    question = read_question("Take the grain and noise out of my night photo.")
    alone = scores(question, [], [])
    assert max((one for one in alone if one != NO_TASK), key=lambda task: alone[task]) == "denoising"
    brief = brief_of({"question": question.text, "models": [DENOISER]})
    provided = scores(question, [able(one) for one in brief.models], [])
    assert provided["denoising"] > alone["denoising"]
    assert provided[ENLARGE] == alone[ENLARGE]


@pytest.mark.parametrize(
    "form",
    [
        "Which model {}?",
        "Can you tell me which model {}? It is for my mother.",
        "Could you recommend a model that {}?",
        "Please suggest a model that {}. It is for my mother.",
        "What do you recommend? I want one that {}.",
        "Can you recommend something? I want one that {}.",
    ],
)
@pytest.mark.parametrize(
    ("wish", "model", "task"),
    [
        ("removes the noise of my photos", DENOISER, "denoising"),
        ("sharpens pictures that were blurred by motion", DEBLUR, "deblurring"),
        ("draws boxes round all cars in a picture", DETECTOR, "object_detection"),
        ("makes a small photo 2.5 times as large", LIIF, "sisr_any"),
    ],
)
def test_a_polite_question_asks_for_the_same(form: str, wish: str, model: dict[str, str], task: str) -> None:
    other = DETECTOR if model is not DETECTOR else DENOISER
    answer = asked(form.format(wish), model, other)
    assert (answer.outcome, answer.task, answer.steps[0].by) == ("answer", task, model["name"])


def test_a_factor_past_all_fixed_ones_is_refused_with_the_arithmetic_of_the_nearest() -> None:
    answer = asked("Make my photo 7.5 times as large. Can I sell prints, and what does it cost?", EDSR)
    assert (answer.outcome, answer.task) == ("none", "sisr_any")
    assert answer.caveats == ("scale_not_fixed_factor",)
    assert set(answer.not_stated) == {"commercial_use", "price"}
    assert "EDSR x2 enlarges by x2 only, not by 7.5." in text_of(answer)
    assert "another task" not in text_of(answer)


@pytest.mark.parametrize(
    ("question", "model"),
    [("Enlarge my video 8 times.", VIDEO), ("My bad grainy photo of real life, enlarge it 8 times.", REAL)],
)
def test_a_source_that_states_no_factor_may_have_the_one_asked_for(
    question: str, model: dict[str, str]
) -> None:
    assert asked(question, model, EDSR).outcome == "answer"


def test_a_smaller_factor_than_the_fixed_one_is_answered_with_a_caveat() -> None:
    answer = asked("Make my photo 1.5 times as large.", EDSR)
    assert (answer.outcome, answer.caveats) == ("answer", ("scale_not_fixed_factor",))


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("How long does it take on my laptop?", {"speed"}),
        ("Is it fast on my phone, and does it run on a CPU at all?", {"speed", "platform"}),
        ("메모리는 얼마나 필요하고 CPU에서 돌아가나요?", {"memory", "platform"}),
        ("To how many pixels can it enlarge?", {"size_limit"}),
        ("We live in Berlin, which model removes noise?", set()),
        ("Which model reliably removes noise?", set()),
        ("My 3 megabytes photo is noisy, what helps?", set()),
        ("Legal wants the name of the licence.", {"licence"}),
        ("우리가 유료 서비스로 팔 건데 써도 되나요?", {"commercial_use"}),
    ],
)
def test_attributes_are_heard_in_lay_words_and_not_where_none_is_asked(
    text: str, attributes: set[str]
) -> None:
    assert {name for name, _ in asked_attributes(text)} == attributes
