import json
from typing import Any

import pytest

from anyres.advisor.answer import Answer
from anyres.advisor.formats import FORMATS
from anyres.advisor.language_model import with_prose
from anyres.advisor.phrases import phrases
from anyres.advisor.question import Language
from tests.advisor.language_model_stub import (
    BAD,
    GOOD,
    MESSAGES,
    SENTENCES,
    UNKNOWN,
    Stub,
    good,
    is_plain,
    is_words,
    language_of,
    said_by,
    saying,
)


def test_what_is_recorded_is_bad_by_itself(plain: dict[Language, Answer]) -> None:
    checks = {"V1", "V2", "V3", "V4", "V5", "V7", "V8", "form", "share"}
    assert {entry["check"] for entry in BAD} == checks
    shown = {language: " ".join(said_by(answer).values()) for language, answer in plain.items()}
    held = [entry["id"] for entry in BAD if "never" in entry and entry["never"] in shown[language_of(entry)]]
    assert held == []


def test_the_words_that_are_cited_are_words_of_the_answer(plain: dict[Language, Answer]) -> None:
    told = {
        language: " | ".join(
            part
            for one in answer.sentences
            for part in (one.text, *(answer.sources.words(span) for span in one.spans))
        )
        for language, answer in plain.items()
    }
    cited = [(language_of(entry), one) for entry in SENTENCES for one in entry["content"]["cites"]]
    cited += [(language, one) for language, lines in GOOD.items() for _, _, cites in lines for one in cites]
    assert [one for language, one in cited if is_words(one) and one not in told[language]] == []


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_good_answer_is_used(stub: Stub, plain: dict[Language, Answer], language: Language) -> None:
    stub.send = saying(good(language))
    result = with_prose(plain[language], stub.endpoint)
    assert [(one.part, one.text) for one in result.sentences if one.part < 3] == [
        (part, text) for part, text, _ in GOOD[language]
    ]
    assert (result.is_prose, result.removed, result.notices) == (True, 0, plain[language].notices)


def test_its_sentences_rest_on_the_spans_of_what_they_cite(stub: Stub, plain: dict[Language, Answer]) -> None:
    result = with_prose(plain["en"], stub.endpoint)
    for (_, text, cites), sentence in zip(GOOD["en"], result.sentences, strict=False):
        cited = [one for words in cites for one in plain["en"].sentences if words in one.text]
        assert set(sentence.spans) == {span for one in cited for span in one.spans} or not cites, text
        assert sentence.spans


def test_part_3_and_the_rest_are_those_of_the_plain_answer(stub: Stub, plain: dict[Language, Answer]) -> None:
    result = with_prose(plain["en"], stub.endpoint)
    assert result.is_prose
    assert result.sentences_of(3) == plain["en"].sentences_of(3)
    for name in ("task", "steps", "roles", "caveats", "not_stated", "links", "document"):
        assert getattr(result, name) == getattr(plain["en"], name)


@pytest.mark.parametrize("entry", SENTENCES, ids=[entry["id"] for entry in SENTENCES])
def test_a_bad_sentence_is_dropped(stub: Stub, plain: dict[Language, Answer], entry: dict[str, Any]) -> None:
    language = language_of(entry)
    stub.send = saying([*good(language)[:4], entry["content"], *good(language)[4:]])
    result = with_prose(plain[language], stub.endpoint)
    shown = said_by(result).items()
    assert [form for form, text in shown if "never" in entry and entry["never"] in text] == [], entry["why"]
    assert (result.is_prose, result.removed) == (True, 1)


@pytest.mark.parametrize("entry", MESSAGES, ids=[entry["id"] for entry in MESSAGES])
def test_after_a_bad_message_the_plain_answer_stands(
    stub: Stub, plain: dict[Language, Answer], entry: dict[str, Any]
) -> None:
    stub.send = saying(_content(entry))
    result = with_prose(plain["en"], stub.endpoint)
    shown = said_by(result).items()
    assert [form for form, text in shown if "never" in entry and entry["never"] in text] == [], entry["why"]
    assert is_plain(result, plain["en"])


def _content(entry: dict[str, Any]) -> str | list[dict[str, Any]]:
    """A message of the record: a text; an object; a sentence, which goes after good ones."""
    content: str | dict[str, Any] = entry["content"]
    times: int = entry.get("times", 1)
    if isinstance(content, str):
        return content * times
    if "text" in content:
        return [*good("en"), content]
    sentences = content.get("sentences")
    if isinstance(sentences, list) and all(isinstance(one, dict) for one in sentences):
        return sentences * times
    return json.dumps(content)


@pytest.mark.parametrize(
    "text",
    ["Each vector is joined, and so on. " * 30 + "No seam shows.", "7" * 10_000, "a-" * 5_000],
    ids=["words", "digits", "hyphens"],
)
def test_a_sentence_too_long_to_be_shown_is_dropped(
    stub: Stub, plain: dict[Language, Answer], text: str
) -> None:
    cites = ["its eight neighbours", "blended by area"]
    stub.send = saying([*good("en"), {"part": 2, "text": text, "kind": "claim", "cites": cites}])
    result = with_prose(plain["en"], stub.endpoint)
    assert (result.is_prose, result.removed) == (True, 1)


@pytest.mark.parametrize("part", [0, 3, 4])
def test_a_sentence_of_another_part_is_removed_and_counted(
    stub: Stub, plain: dict[Language, Answer], part: int
) -> None:
    stub.send = saying([*good("en"), {**good("en")[-1], "part": part}])
    result = with_prose(plain["en"], stub.endpoint)
    assert len(result.sentences) == len(GOOD["en"]) + len(plain["en"].sentences_of(3))
    assert result.removed == 1


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_says_how_many_sentences_were_removed(
    stub: Stub, plain: dict[Language, Answer], form: str
) -> None:
    stub.send = saying([*good("en"), {**good("en")[-1], "cites": [UNKNOWN]}, {**good("en")[2], "cites": []}])
    result = with_prose(plain["en"], stub.endpoint)
    count = '"removed": 2' if form == "json" else phrases("en").words["removed"].format(count=2)
    assert count in said_by(result)[form]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_says_that_the_plain_answer_stands(
    stub: Stub, plain: dict[Language, Answer], form: str
) -> None:
    stub.send = saying("no JSON")
    assert "The language model was not used" in said_by(with_prose(plain["en"], stub.endpoint))[form]
