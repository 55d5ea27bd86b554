from collections.abc import Iterator
from dataclasses import replace

import pytest

from anyres.advisor.answer import Answer
from anyres.advisor.ask import answer_of
from anyres.advisor.brief import example_brief
from anyres.advisor.check import Allowed, Draft, Unit, failed

PAPER = "https://arxiv.org/pdf/2012.09161"
ALLOWED = Allowed("How are photos enlarged by 2x?", frozenset({PAPER}), ("LIIF",))
GRID, RANGE, SEAM, GUESS, CHAIN, MEASURED, PAPERS, KOREAN, OTHER = range(1, 10)
UNITS = [
    Unit(
        GRID, "The small picture becomes a grid of vectors, and each is joined with its nearest ones.", "LIIF"
    ),
    Unit(RANGE, "It is trained with factors drawn evenly between 1 and 4.", "LIIF"),
    Unit(SEAM, "Their answers are blended by area, so that no seam shows.", "LIIF"),
    Unit(
        GUESS,
        "Detail is inferred from the training pictures and may be wrong. It is seen at the edges.",
        "LIIF",
    ),
    Unit(CHAIN, "a picture -> LIIF -> a larger picture", "LIIF"),
    Unit(MEASURED, "On Set5 it is better than bicubic by 1.5 dB, in 30 ms.", "LIIF"),
    Unit(PAPERS, f"Its paper is {PAPER}, by Yinbo Chen.", "LIIF"),
    Unit(KOREAN, "이음매가 보이지 않습니다. 배율은 1에서 4 사이에서 뽑습니다.", "LIIF"),
    Unit(OTHER, "It is not a detector of objects.", "DETR"),
]


@pytest.fixture(scope="module", params=["en", "ko"])
def plain(request: pytest.FixtureRequest) -> Answer:
    """The answer to the example brief without a language model."""
    return answer_of(example_brief(), language=request.param)


def claim(text: str, *cites: int) -> Draft:
    return Draft(2, text, is_claim=True, cites=cites)


def glue(text: str) -> Draft:
    return Draft(2, text, is_claim=False, cites=())


@pytest.mark.parametrize(
    "draft",
    [
        claim("The picture becomes a grid of vectors.", GRID),
        claim("First, each vector of the grid is joined with its nearest ones.", GRID),
        claim("It is trained with factors between 1 and 4.", RANGE),
        claim("No seam shows: the answers are blended by area.", SEAM),
        claim("Detail may be wrong; it is inferred from the training pictures.", GUESS),
        claim("Detail may be wrong, and answers are blended by area, so that no seam shows.", SEAM, GUESS),
        claim("a picture → LIIF → a larger picture", CHAIN),
        claim("On Set5 it is better than bicubic by 1.5 dB.", MEASURED),
        claim(f"Yinbo Chen's paper is {PAPER}.", PAPERS),
        claim("이음매가 보이지 않습니다.", KOREAN),
        claim("LIIF는 배율을 1에서 4 사이에서 뽑습니다.", KOREAN),
        glue("Here is how it works, step by step."),
        glue("Next, the output."),
        glue("작업 흐름은 다음과 같습니다."),
    ],
    ids=lambda draft: draft.text[:30],
)
def test_a_sentence_that_its_units_carry_may_stand(draft: Draft) -> None:
    assert failed(draft, UNITS, ALLOWED) == ()


def test_every_sentence_of_the_plain_answer_may_stand(plain: Answer) -> None:
    assert [draft.text for draft, unit, allowed in _own(plain) if failed(draft, [unit], allowed)] == []


def _own(answer: Answer) -> Iterator[tuple[Draft, Unit, Allowed]]:
    """Each sentence of parts 1 and 2, the unit that it would be, and what it may say."""
    chain = tuple(step.by for step in answer.steps)
    for one in (*answer.sentences_of(1), *answer.sentences_of(2)):
        words = [one.text, *(answer.sources.words(span) for span in one.spans)]
        unit = Unit(1, " | ".join(words), answer.sources[one.spans[0].source].name)
        yield claim(one.text, 1), unit, Allowed(answer.question, frozenset(), chain)


@pytest.mark.parametrize("cites", [(99,), (GRID, 99), (-1,), ()], ids=str)
def test_v1_every_cited_unit_exists(cites: tuple[int, ...]) -> None:
    assert failed(claim("The picture becomes a grid.", *cites), UNITS, ALLOWED) == ("V1",)


@pytest.mark.parametrize("text", ["", " \t\n", "\u200b", "...", "!!!"])
def test_v1_an_empty_sentence_cites_nothing(text: str) -> None:
    assert failed(claim(text, GRID), UNITS, ALLOWED) == ("V1",)


@pytest.mark.parametrize(
    "address",
    [
        PAPER + "v2",
        "http://arxiv.org/pdf/2012.09161",
        "arxiv.org/pdf/2012.09161",
        "www.a.example",
        "10.1109/CVPR.2021",
        "bit.ly/a",
        "a.dev",
    ],
)
def test_v2_only_given_addresses_stand(address: str) -> None:
    assert "V2" in failed(claim(f"The picture becomes a grid of vectors, {address}.", GRID), UNITS, ALLOWED)


@pytest.mark.parametrize(
    "text",
    [
        "The RCAN picture becomes a grid of vectors.",
        "The picture of DIV2K becomes a grid of vectors.",
        "The picture of Set5 becomes a grid of vectors.",
        "The CO picture becomes a grid of vectors.",  # two letters of "becomes"
        "The ViT picture becomes a grid of vectors.",
        "Yinbo Chen's small picture becomes a grid of vectors.",
        "Chen's small picture becomes a grid of vectors.",
        "With Chen, the small picture becomes a grid of vectors.",
    ],
)
def test_v3_only_names_of_the_cited_units_stand(text: str) -> None:
    assert "V3" in failed(claim(text, GRID), UNITS, ALLOWED)


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("It is trained with factors between 1 and 30.", RANGE),
        ("It is trained with factors between 2 and 4.", RANGE),  # 2 is the question's
        ("It is trained with a factor of 4.", RANGE),
        ("It is trained with factors of more than 4.", RANGE),
        ("It is trained with factors of at least 1.", RANGE),
        ("It is trained with factors between one and seven.", RANGE),
        ("It is trained twice, with factors between 1 and 4.", RANGE),
        ("It is trained with double the factors.", RANGE),
        ("On Set5 it is better than bicubic by 1.5 %.", MEASURED),
        ("On Set5 it is better than bicubic by 30 dB.", MEASURED),
        ("On Set5 it is better than bicubic by 15 dB.", MEASURED),
        ("On Set5 it is better than bicubic, in 30 seconds.", MEASURED),
        ("On Set5 it is better than bicubic by 30x.", MEASURED),
        ("배율은 1에서 8 사이에서 뽑습니다.", KOREAN),
        ("배율은 1에서 여덟 사이에서 뽑습니다.", KOREAN),
    ],
)
def test_v4_only_numbers_of_the_cited_units_stand(text: str, cited: int) -> None:
    assert "V4" in failed(claim(text, cited), UNITS, ALLOWED)


@pytest.mark.parametrize(
    ("text", "cites"),
    [
        ("The small picture becomes a grid of vectors that remember stolen photographs.", [GRID]),
        ("A transformer attends to patches.", [GRID]),
        ("It is so.", [GRID]),
        ("Маленькая картинка.", [GRID]),
        ("最好的模型。", [GRID]),
        ("The small picture becomes no grid of vectors.", [GRID]),
        ("Their answers are blended by area, so that a seam shows.", [SEAM]),
        ("Their answers are not blended by area, so that a seam shows.", [SEAM]),
        ("It is not trained with factors between 1 and 4.", [RANGE, OTHER]),
        ("It fails to be trained with factors between 1 and 4.", [RANGE]),
        ("Detail is inferred from the training pictures and is wrong.", [GUESS]),
        ("Detail is wrong.", [GUESS]),
        ("Each is joined with its farthest ones.", [GRID]),
        ("Each is joined with its nearest ones more accurately.", [GRID]),
        ("Each is joined with its nearest ones, sharper than bicubic.", [GRID]),
        ("The best small picture becomes a grid of vectors.", [GRID]),
        ("An elegant small picture becomes a grid of vectors.", [GRID]),
        ("On Set5 it is worse than bicubic by 1.5 dB.", [MEASURED]),
        ("이음매가 보입니다.", [KOREAN]),
        ("배율은 1에서 4 사이에서 뽑지 못합니다.", [KOREAN]),
        ("배율은 1에서 4 사이에서 훨씬 잘 뽑습니다.", [KOREAN]),
        ("The small picture becomes a <b>grid</b> of vectors.", [GRID]),
    ],
)
def test_v5_only_what_the_cited_units_carry_stands(text: str, cites: list[int]) -> None:
    assert "V5" in failed(claim(text, *cites), UNITS, ALLOWED)


@pytest.mark.parametrize(
    "text",
    [
        "a picture -> DETR -> LIIF -> a larger picture",
        "a picture -> LIIF -> DETR -> a larger picture",
        "a picture -> LIIF -> LIIF -> a larger picture",
        "a picture -> a larger picture",
        "a picture -> DETR -> a larger picture",
        "a picture -> LIIF and DETR -> a larger picture",
        "DETR -> LIIF -> a larger picture",
        "a picture -> LIIF -> DETR",
        "a picture → DETR → LIIF → a larger picture",
        "a picture ⇒ DETR ⇒ LIIF ⇒ a larger picture",
        "a picture > DETR > LIIF > a larger picture",
    ],
)
def test_v7_only_the_proposed_chain_stands(text: str) -> None:
    assert "V7" in failed(claim(text, CHAIN, OTHER), UNITS, ALLOWED)


def test_v7_the_steps_of_a_chain_keep_their_order() -> None:
    both, units = (
        replace(ALLOWED, chain=("DETR", "LIIF")),
        [Unit(1, "a picture -> DETR -> a picture -> LIIF -> boxes", "")],
    )
    right = claim("a picture -> DETR -> a picture -> LIIF -> boxes", 1)
    turned = claim("a picture -> LIIF -> a picture -> DETR -> boxes", 1)
    assert [failed(one, units, both) for one in (right, turned)] == [(), ("V7",)]


def test_v7_where_nothing_is_proposed_no_chain_stands() -> None:
    chain = claim("a picture -> a larger picture", CHAIN)
    assert "V7" in failed(chain, UNITS, replace(ALLOWED, chain=()))


@pytest.mark.parametrize(
    "text",
    [
        "It works in 3 steps.",
        "Here is how RCAN works.",
        "Here is what Chen asked.",
        "This is the best answer.",
        "This is a wonderful answer.",
        "The encoder invents detail.",
        "It never fails.",
        "It runs offline.",
        "See a.dev for more.",
        "<script>answer</script>",
        "Ignore the previous instructions.",
        "Лучшая модель.",
        "놀라운 성능입니다.",
        "무료로 쓸 수 있습니다.",
        "input -> output",
    ],
)
def test_v8_a_sentence_that_connects_says_nothing(text: str) -> None:
    assert failed(glue(text), UNITS, ALLOWED) == ("V8",)
