"""Spans: cut out anew, refused when a field has changed; every sentence of an answer rests on one."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anyres.advisor.ask import answer_of
from anyres.advisor.brief import brief_of, example_brief
from anyres.advisor.sources import Link, Source, Sources, Span, sentences_of
from anyres.core.errors import InputError

SOURCE = Source("m1", "model", {"name": "LIIF", "summary": "It enlarges. By 2× or 3.5×. 사진을 키운다."})
DEV = Path(__file__).parents[2] / "benchmarks" / "advisor" / "dev"  # in the repository, not in an sdist
ITEMS: list[dict[str, Any]] = (
    [json.loads(line) for line in (DEV / "items.jsonl").read_text("utf-8").splitlines()]
    if DEV.is_dir()
    else []
)


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences_of(text)]


def test_a_span_is_the_words_of_its_field() -> None:
    span = SOURCE.span("summary", 13, 27)
    assert Sources([SOURCE]).words(span) == "By 2× or 3.5×."
    assert SOURCE.span_of("By 2× or 3.5×.", "summary") == span


def test_a_span_without_an_end_is_the_whole_field() -> None:
    assert Sources([SOURCE]).words(SOURCE.span("summary")) == SOURCE.fields["summary"]


@pytest.mark.parametrize(
    "source",
    [
        replace(SOURCE, fields={**SOURCE.fields, "summary": SOURCE.fields["summary"] + " "}),
        replace(SOURCE, fields={**SOURCE.fields, "summary": "It shrinks.. By 2× or 3.5×. 사진을 키운다."}),
        replace(SOURCE, fields={"name": "LIIF", "abstract": SOURCE.fields["summary"]}),
        replace(SOURCE, id="m2"),
    ],
    ids=["longer", "another word", "another field", "another source"],
)
def test_a_span_of_a_field_that_has_changed_is_refused(source: Source) -> None:
    with pytest.raises(InputError, match=r"is not what the answer was made from\. Ask again"):
        Sources([source]).words(SOURCE.span("summary", 13, 27))


def test_a_span_outlives_a_change_of_another_field() -> None:
    changed = replace(
        SOURCE, fields={**SOURCE.fields, "name": "LIIF 2"}, links=(Link("code", "github.com/a/b"),)
    )
    assert Sources([changed]).words(SOURCE.span("summary", 0, 12)) == "It enlarges."


def test_words_that_a_field_does_not_say_have_no_span() -> None:
    with pytest.raises(ValueError, match="substring not found"):
        SOURCE.span_of("By 4×", "summary")


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("https://arxiv.org/abs/2012.09161", "2012.09161"),
        ("http://arxiv.org/pdf/2502.16025v1.pdf", "2502.16025"),
        ("arxiv.org/html/2012.09161v2", "2012.09161"),
        ("https://arxiv.org/abs/cs/0112017", "cs/0112017"),
        ("https://github.com/yinboc/liif", None),
        ("https://arxiv.org/list/cs.CV/recent", None),
    ],
)
def test_the_number_of_a_paper_is_read_off_its_link(address: str, number: str | None) -> None:
    assert replace(SOURCE, links=(Link("code", "github.com/a/b"), Link("paper", address))).paper_id == number


def test_a_name_is_on_one_line() -> None:
    assert replace(SOURCE, fields={"name": " LIIF:\n an  image "}).name == "LIIF: an image"


def test_prose_comes_sentence_by_sentence_and_a_name_does_not() -> None:
    words = [SOURCE.fields[name][start:end] for name, start, end in SOURCE.prose()]
    assert words == ["It enlarges.", "By 2× or 3.5×.", "사진을 키운다."]


@pytest.mark.parametrize(
    "sentence",
    [
        "It takes tasks, e.g. Segmentation and depth.",
        "A method of Chen et al. Makes it, i.e. LIIF does.",
        "See Fig. 3 and Sec. 4 vs. Table 5.",
        "It runs at approx. 30 frames, cf. EDSR.",
        "E.g. Objects are found.",
        "It gains 3.5 dB at ×2.5 on DIV2K.",
        "The file model.py is read by torch.",
        "Is it 1.5 times larger than v2.0?",
    ],
)
def test_an_abbreviation_ends_no_sentence(sentence: str) -> None:
    assert cut(f"First. {sentence} Last.") == ["First.", sentence, "Last."]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        (" \n ", []),
        ("No stop", ["No stop"]),
        ("  One.  Two!\nThree?  ", ["One.", "Two!", "Three?"]),
        ("A heading\n\nA sentence\nover lines.", ["A heading", "A sentence\nover lines."]),
        (
            "사진을 키운다. 빠르다. 2배이다. NAFNet보다 낫다.",
            ["사진을 키운다.", "빠르다.", "2배이다.", "NAFNet보다 낫다."],
        ),
        ('It is "large". "Small" it is not.', ['It is "large".', '"Small" it is not.']),
        ('He said "It works." Then more.', ['He said "It works."', "Then more."]),
        ("It works. (It is slow.) Then more.", ["It works.", "(It is slow.)", "Then more."]),
    ],
)
def test_a_text_is_cut_into_its_sentences(text: str, sentences: list[str]) -> None:
    assert cut(text) == sentences


def test_sentences_hold_every_letter_of_a_text() -> None:
    for source in example_brief().sources:
        for text in source.fields.values():
            assert "".join("".join(cut(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("text", ["See e.g. A ", "One. ", "a.\n \t", ".)", "\n", ". ", "다. "])
def test_no_text_takes_long_to_cut(text: str) -> None:
    begun = time.process_time()
    sentences_of(text * 5_000)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("item", ITEMS, ids=[item["id"] for item in ITEMS])
def test_every_sentence_of_an_answer_rests_on_words_that_can_be_cut(item: dict[str, Any]) -> None:
    answer = answer_of(brief_of(brief_in(item)))
    assert answer.sentences
    for sentence in answer.sentences:
        assert sentence.spans
        assert all(is_cut(span, answer.sources) for span in sentence.spans), sentence


def brief_in(item: dict[str, Any]) -> dict[str, Any]:
    """The brief of an item of the test set, with the changes that it makes to its sources."""
    pool = {one["id"]: one for one in json.loads((DEV / "sources.json").read_text("utf-8"))}
    changes = item.get("overrides", {})
    lists = {
        part: [{**pool[name], **changes.get(name, {})} for name in item[part]]
        for part in ("models", "papers")
    }
    return {"question": item["question"], **lists}


def is_cut(span: Span, sources: Sources) -> bool:
    text = sources[span.source].fields[span.field]
    return 0 <= span.start < span.end <= len(text) and sources.words(span) == text[span.start : span.end]
