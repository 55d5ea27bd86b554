import pytest

from anyres.advisor.abilities import able
from anyres.advisor.attributes import asked_attributes
from anyres.advisor.brief import brief_of
from anyres.advisor.lexicon import NO_TASK
from anyres.advisor.question import read_question
from tests.advisor.asked import DEBLUR, DENOISER, DETECTOR, EDSR, asked, text_of

DEPTH = {"name": "DPT-Large", "detailed_category": "Depth Estimation"}
READER = {"name": "EasyOCR", "detailed_category": "OCR"}
FACES = {"name": "CodeFormer", "detailed_category": "Face Restoration"}
CLASSES = {"name": "Swin-T", "detailed_category": "Image Classification"}


@pytest.mark.parametrize(
    ("question", "model"),
    [
        ("Track every sheep through the film and keep the same number on it.", DETECTOR),
        ("I want to print a 3D model of my cup, here is its photo.", DEPTH),
        ("Translate the sign on this photo to Danish for me.", READER),
        ("Are these two pictures of the same person?", FACES),
        ("I have a rash on my arm, here is a photo. What is the diagnosis?", CLASSES),
        ("Is this photo real or fake?", CLASSES),
        ("My dishwasher makes a noise, how do I get rid of it?", DENOISER),
        ("이 사진이 가짜인지 조작된 건지 알려 주세요.", CLASSES),
        ("두 사진이 동일 인물인지 알려 주세요.", FACES),
    ],
)
def test_a_wish_beyond_the_list_is_refused_though_a_model_does_something_near(
    question: str, model: dict[str, str]
) -> None:
    answer = asked(question, model)
    assert (answer.outcome, answer.task, answer.steps) == ("none", NO_TASK, ())


@pytest.mark.parametrize(
    ("question", "model", "task"),
    [
        ("Put boxes round the sheep in this photo, I count them then.", DETECTOR, "object_detection"),
        (
            "Which part of my cup's photo is nearer? I need the depth of every pixel.",
            DEPTH,
            "depth_estimation",
        ),
        ("Read the text of the sign on this photo. I need no translation.", READER, "ocr"),
        ("The face of one person in this old photo is blurred, restore the face.", FACES, "face_restoration"),
        ("The X-ray photo is full of noise. Remove the noise, I need no diagnosis.", DENOISER, "denoising"),
    ],
)
def test_a_wish_that_looks_alike_is_answered(question: str, model: dict[str, str], task: str) -> None:
    answer = asked(question, model)
    assert (answer.outcome, answer.task) == ("answer", task)


@pytest.mark.parametrize("models", [(EDSR,), (EDSR, DENOISER)])
def test_a_factor_out_of_reach_is_refused_in_one_step_and_in_two(models: tuple[dict[str, str], ...]) -> None:
    answer = asked("Remove the noise, then make the photo 15 times as large.", *models)
    assert (answer.outcome, answer.steps) == ("none", ())
    assert answer.caveats == ("scale_not_fixed_factor",)
    assert "15" in text_of(answer)


def test_a_factor_within_reach_is_answered_in_two_steps() -> None:
    answer = asked("Remove the noise, then make the photo 2 times as large.", EDSR, DENOISER)
    assert [step.by for step in answer.steps] == ["DnCNN", "EDSR x2"]
    assert answer.caveats == ()


def test_bare_times_are_a_factor_where_the_question_is_about_enlarging_alone() -> None:
    refused = asked("Fifteen times, please. A clean, tiny logo that is too small.", EDSR)
    assert (refused.outcome, refused.caveats) == ("none", ("scale_not_fixed_factor",))
    denoised = asked("Remove the noise. Fifteen times, please, once for each photo.", DENOISER)
    assert (denoised.outcome, denoised.caveats) == ("answer", ())


@pytest.mark.parametrize(
    "text",
    ["I asked three times and nobody answered.", "Three times a day.", "Ten times slower than before."],
)
def test_times_of_something_else_are_no_bare_factor(text: str) -> None:
    assert read_question(text).bare_factor is None


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("Our 480 line clip has to be 4320 lines.", 9),
        ("A drawing of 300 px is to cover 4500.", 15),
        ("The stamp is 20 pixels. Make it 400 and tell me its year.", 20),
    ],
)
def test_a_factor_is_read_from_what_a_picture_shall_cover(text: str, factor: float) -> None:
    found = read_question(text).factor
    assert found is not None
    assert found.value == pytest.approx(factor)


def test_a_model_of_which_nothing_is_told_is_not_rejected() -> None:
    answer = asked("Remove the noise from my photo.", {"name": "Quibble"}, DENOISER)
    assert (answer.outcome, answer.steps[0].by) == ("answer", "DnCNN")
    told = asked("Remove the noise from my photo.", DEBLUR, DENOISER)
    assert told.outcome == "wrong_model"


@pytest.mark.parametrize(
    ("source", "tasks"),
    [
        ({"name": "SegFormer-B2 Cityscapes"}, {"semantic_segmentation"}),
        ({"name": "PP-OCRv3"}, {"ocr"}),
        (
            {
                "name": "InstructBLIP",
                "summary": "A picture and a question in words go in and an answer comes out. "
                "Data sets were turned into instructions for training.",
            },
            {"visual_question_answering"},
        ),
        ({"name": "Deep Reverse Tone Mapping"}, {"hdr_reconstruction"}),
        ({"name": "FADE", "summary": "An operator that enlarges feature maps inside a network."}, set()),
    ],
)
def test_what_a_source_does_is_what_goes_in_and_comes_out(source: dict[str, str], tasks: set[str]) -> None:
    brief = brief_of({"question": "?", "models": [source]})
    found = able(brief.models[0]).tasks
    assert tasks <= found
    assert not found & {"image_editing", "image_classification", "sisr", "image_enhancement"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("We earn with it. May we, under which licence?", {"commercial_use", "licence"}),
        ("How right is it in a hundred tries?", {"accuracy"}),
        ("And what's the bill?", {"price"}),
        ("Is it free?", {"price"}),
        ("Would a picture of 20,000 pixels a side get through?", {"size_limit"}),
        ("회사 상품에 써도 되나요?", {"commercial_use"}),
        ("How grainy is my phone's picture? Is it the film's?", set()),
        ("What does it do to noise on my phone's pictures?", set()),
    ],
)
def test_an_attribute_is_asked_in_many_words(text: str, names: set[str]) -> None:
    assert {name for name, _ in asked_attributes(text)} == names


KPAC = {"name": "KPAC", "summary": "Makes a photograph that is out of focus sharp again, at the same size."}
PRINT = {
    "name": "EasyOCR",
    "detailed_category": "OCR",
    "summary": "Finds lines of printed text in a photograph and reads them. Handwriting is not supported.",
}
BOXES_OF_TEXT = {"name": "CRAFT", "detailed_category": "OCR", "summary": "Text detection with boxes."}


@pytest.mark.parametrize(
    ("question", "model", "told"),
    [
        ("Our dog moved and is a blurred streak. Make him sharp.", KPAC, "out of focus"),
        ("A handwritten note: type it out for me.", PRINT, "printed text"),
        ("손글씨 편지를 글자로 옮겨 주세요.", PRINT, "인쇄된"),
        ("Read the words on this banner, please.", BOXES_OF_TEXT, "where text is"),
    ],
)
def test_a_model_for_another_kind_of_the_task_is_refused_with_the_kind(
    question: str, model: dict[str, str], told: str
) -> None:
    answer = asked(question, model)
    assert (answer.outcome, answer.steps) == ("none", ())
    assert told in text_of(answer)


@pytest.mark.parametrize(
    ("question", "model", "task"),
    [
        ("The macro shot is out of focus. Make it sharp.", KPAC, "deblurring"),
        ("This photo is blurred. Make it sharp.", KPAC, "deblurring"),
        ("Read the printed text on this page.", PRINT, "ocr"),
        ("Where is the text in this photo? Boxes around the words.", BOXES_OF_TEXT, "ocr"),
    ],
)
def test_a_model_for_the_kind_that_is_asked_or_for_no_kind_is_taken(
    question: str, model: dict[str, str], task: str
) -> None:
    answer = asked(question, model)
    assert (answer.outcome, answer.task) == ("answer", task)


def test_a_model_for_both_kinds_is_taken_for_either() -> None:
    both = {"name": "Restormer", "summary": "Deblurs photographs, blurred by motion or out of focus."}
    for question in (
        "The macro shot is out of focus. Make it sharp.",
        "My shaky photo is blurred. Make it sharp.",
    ):
        assert asked(question, both).outcome == "answer"


def test_a_recommended_model_for_another_kind_is_rejected_for_the_one_that_fits() -> None:
    shake = {
        "name": "MIMO-UNet",
        "summary": "Sharpens photographs blurred by moving objects or a shaking camera.",
    }
    answer = asked("The macro shot is out of focus. Make it sharp.", shake, KPAC)
    assert answer.outcome == "wrong_model"
    assert [step.by for step in answer.steps] == ["KPAC"]
    assert "MIMO-UNet is about blur by motion; you ask about blur of what is out of focus" in text_of(answer)


@pytest.mark.parametrize(
    ("question", "factor"),
    [
        ("We downsample bicubically by exactly 2 and want to recover the original grid.", 2.0),
        ("Photos were shrunk to a third, cleanly; a network shall undo that.", 3.0),
        ("The test reduces pictures by 4 without noise. Undo the reduction.", 4.0),
    ],
)
def test_undoing_a_reduction_is_enlarging_by_its_factor(question: str, factor: float) -> None:
    edsr = {**EDSR, "name": f"EDSR x{factor:.0f}"}
    answer = asked(question, edsr)
    assert (answer.outcome, answer.task) == ("answer", "sisr")
    assert read_question(question).factor.value == factor  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("When would 500 photos be finished?", {"speed"}),
        ("I have 40,000 scans. Weeks or hours?", {"speed"}),
        ("Does it fit on a GTX 1060?", {"memory"}),
        ("Is its source code public?", {"licence"}),
        ("Does anything stop me from selling the enlarged prints?", {"commercial_use"}),
        ("What would 1000 pictures come to in money?", {"price"}),
        ("Did it learn from real photographs of fog?", {"training_data"}),
        ("How seldom does it fail?", {"accuracy"}),
        ("Do I have to tile it?", {"size_limit"}),
        ("CPU only - possible?", {"platform"}),
        ("How much RAM does it hog for a 20 MP picture?", {"memory"}),
        ("My business card is photographed under bad light; read the text on it.", set()),
        ("Is the bill of the duck in focus? Sharpen it.", set()),
        ("How big is the tree compared to the man, i.e. what is nearer?", set()),
        ("Can you enlarge very small pictures?", set()),
    ],
)
def test_attributes_are_told_from_scenes(text: str, names: set[str]) -> None:
    assert {name for name, _ in asked_attributes(text)} == names
