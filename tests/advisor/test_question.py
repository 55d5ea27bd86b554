import pytest

from anyres.advisor.lexicon import lexicon
from anyres.advisor.question import language_of, read_question


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("I enlarged a low-res image by 2x.", 2),
        ("Make it 3.5 times as large.", 3.5),
        ("upscale x4 please", 4),
        ("사진을 2.5배로 키워 주세요", 2.5),
        ("세 배로 확대", 3),
        ("Five and a half times bigger.", 5.5),
        ("double the size of my logo", 2),
        ("a factor of eight", 8),
        ("from 640x480 to 1600x1200", 2.5),
        ("The scan is 900 pixels wide and the template needs exactly 3150 pixels.", 3.5),
        ("bring a 1200x800 drawing to 1920x1280", 1.6),
        ("from 900 to 1530 pixels", 1.7),
        ("640 by 480 to 1600 by 1200", 2.5),
        ("a tenfold enlargement", 10),
        ("서른 배로 키워 주세요", 30),
        ("nine times the area", 3),
        ("from 3 megapixels to 12 megapixels, larger please", 2),
        ("300만 화소를 1200만 화소로", 2),
        ("blow it up to 250 percent of its size", 2.5),
        ("The scan is 2.5 cm wide, enlarge it to 30 centimetres", 12),
        ("My tape has 576 lines and the festival wants 1728, enlarge it", 3),
        ("가로 640에서 1920으로 늘리고 싶어요", 3),
        ("bring 854x480 to 1920x1080.", 2.25),
        ("They have given me a model of factor 3. My picture is 800 px and I need 2080.", 2.6),
    ],
)
def test_a_factor_is_read_from_words_figures_and_sizes(text: str, factor: float) -> None:
    found = read_question(text).factor
    assert found is not None
    assert found.value == pytest.approx(factor)


@pytest.mark.parametrize(
    "text",
    [
        "I asked three times and nobody answered.",
        "My grandmother is 104 and was born in 1938.",
        "Two photographs, one of 2019 and one of this spring.",
        "8x8 blocks all over the picture",
        "배경을 지워 주세요",
        "a 10 by 15 print, scanned at 600 dpi; make it sharper",
        "a poster of 20 cm by 30 cm",
        "The wall is 50 cm wide and 70 cm high.",
        "Does it take 2.5 times longer to remove noise?",
        "slower by 1.5 seconds",
        "double the number of frames",
    ],
)
def test_a_number_that_is_no_factor_is_none(text: str) -> None:
    assert read_question(text).factor is None


def test_a_number_of_40_digits_is_refused_as_a_factor_and_named() -> None:
    digits = "1234567890" * 4
    question = read_question(f"enlarge my photo by x{digits}")
    assert question.factor is None
    assert question.refused_factor is not None
    assert digits in question.text[slice(*question.refused_factor)]


@pytest.mark.parametrize(
    "text",
    [
        "I enlarged it and it didn't blur.",
        "It isn't blurred, only small.",
        "no blur at all in it",
        "흐리거나 노이즈가 있는 건 아니고 그냥 작기만 해요",
    ],
)
def test_what_is_denied_asks_for_nothing(text: str) -> None:
    assert read_question(text).score("deblurring") <= 0


def test_what_is_turned_down_asks_for_nothing() -> None:
    question = read_question("Why a rain remover? It was a dry day. I want a decent white balance.")
    assert question.score("deraining") < 0 < question.score("image_enhancement")


def test_a_wish_to_be_without_a_defect_asks_for_its_removal() -> None:
    assert read_question("Can something remove the rain from my photo?").score("deraining") > 0


def test_the_name_of_a_source_says_nothing_of_the_task() -> None:
    question = read_question("Would EDSR x4 do for 740 px to 2000 px?", names=["EDSR x4"])
    assert question.factor is not None
    assert question.factor.value == pytest.approx(2000 / 740, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("How many seconds will that take?", "speed"),
        ("Will 8 GB of RAM be enough?", "memory"),
        ("Under which licence is it?", "licence"),
        ("May we sell prints of it?", "commercial_use"),
        ("What does it cost per month?", "price"),
        ("On what pictures was it trained?", "training_data"),
        ("How accurate is it?", "accuracy"),
        ("What is the largest picture I can pass?", "size_limit"),
        ("Does it run on a Mac?", "platform"),
        ("얼마나 걸리나요?", "speed"),
        ("비용은 얼마인가요?", "price"),
    ],
)
def test_what_is_asked_of_a_model_is_seen(text: str, attribute: str) -> None:
    assert attribute in dict(read_question(text).attributes)


def test_a_statement_asks_for_no_attribute() -> None:
    assert not read_question("I have 8 GB of RAM. Enlarge my photo.").attributes


def test_korean_is_known_by_its_letters() -> None:
    assert language_of("사진을 2x로 upscale 하고 싶어요") == "ko"
    assert language_of("Enlarge the photo of 김치") == "en"


@pytest.mark.parametrize(
    "text", ["", "?", "a" * 8000, "not " * 2000, "((((" * 1000, "x" * 4000 + "배" * 4000]
)
def test_any_text_is_read_in_bounded_time(text: str) -> None:
    import time

    start = time.perf_counter()
    read_question(text)
    assert time.perf_counter() - start < 5


def test_every_task_has_names_goals_and_words_in_both_languages() -> None:
    for task in lexicon().tasks.values():
        assert set(task.names) == set(task.goals) == {"en", "ko"}
        assert any(word.weight > 0 for word in task.asks) or task.id == "sisr"
