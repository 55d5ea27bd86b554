"""Briefs as people paste them: what is usable is read, byte for byte, and the rest is a notice."""

import json
import time
from pathlib import Path

import pytest

from anyres.advisor.ask import answer_of
from anyres.advisor.brief import MAX_BYTES, MAX_QUESTION, Brief, brief_of, example_brief, read_brief
from anyres.advisor.sources import Link
from anyres.core.errors import InputError, LimitError

SHARED = Path(__file__).parents[3] / "shared" / "briefs" / "enlarge-2x.txt"
WEB = "https:" + "//"  # apart, for addresses that are none or of no host that the repository may name
QUESTION = "How do I enlarge my photo by 2?"
PLAIN = f"""A user has asked the following question:
"{QUESTION}"

### Recommended AI Models:
Model: LIIF
Paper: https://arxiv.org/pdf/2012.09161
GitHub: https://github.com/yinboc/liif

### Related Papers:
Model: FeatSharp: Features, Sharper
Paper: http://arxiv.org/pdf/2502.16025v1.pdf
Summary: Feature maps are made sharper.

Answer:
"""


def with_model(lines: str) -> Brief:
    """A brief with one model of these lines."""
    return read_brief(f"{QUESTION}\n\nModels:\nModel: LIIF\n{lines}\n")


def addresses(brief: Brief) -> list[str]:
    return [link.address for source in brief.sources for link in source.links]


@pytest.fixture(params=["shipped", "shared"])
def example(request: pytest.FixtureRequest) -> Brief:
    if request.param == "shipped":
        return example_brief()
    if not SHARED.is_file():
        pytest.skip(f"No brief at {SHARED}.")
    return read_brief(SHARED.read_bytes())


def test_the_example_asks_how_detail_comes_back(example: Brief) -> None:
    assert example.question == (
        "I enlarged a low-res image by 2x and was amazed by the preserved detail. "
        "How does AI reconstruct images so naturally at moderate magnifications?"
    )
    assert example.notices == ()


def test_the_example_has_one_model_and_three_papers(example: Brief) -> None:
    assert [source.name for source in example.models] == ["SISR-Any-LIIF-RDN"]
    assert [source.name.partition(":")[0] for source in example.papers] == [
        "FeatSharp",
        "Elastic-DETR",
        "Reverse Knowledge Distillation",
    ]


def test_the_examples_six_links_are_read_byte_for_byte(example: Brief) -> None:
    assert [link for source in example.sources for link in source.links] == [
        Link("paper", "https://arxiv.org/pdf/2012.09161"),
        Link("code", "https://github.com/yinboc/liif"),
        Link("paper", "http://arxiv.org/pdf/2502.16025v1.pdf"),
        Link("paper", "http://arxiv.org/pdf/2412.06341v1.pdf"),
        Link("paper", "http://arxiv.org/pdf/2307.10698v2.pdf"),
        Link("code", "https://github.com/SaharAlmahfouzNasser/MeDAL-Retina"),
    ]


def test_the_answers_own_heading_ends_the_last_summary() -> None:
    assert read_brief(PLAIN).papers[0].fields["summary"] == "Feature maps are made sharper."


@pytest.mark.parametrize("asked", [f"Question:\n{QUESTION}", f"Question: {QUESTION}", f'질문: "{QUESTION}"'])
@pytest.mark.parametrize("order", ["qmp", "qpm", "mqp", "mpq", "pqm", "pmq"])
def test_sections_come_in_any_order(order: str, asked: str) -> None:
    parts = {
        "q": asked,
        "m": "Models:\nModel: LIIF",
        "p": "Related Papers:\nTitle: FeatSharp\nSummary: Short.",
    }
    brief = read_brief("\n\n".join(parts[letter] for letter in order))
    assert brief.question == QUESTION
    assert [dict(source.fields) for source in brief.sources] == [
        {"name": "LIIF"},
        {"name": "FeatSharp", "summary": "Short."},
    ]


@pytest.mark.parametrize("quotes", ['""', "“”", "„“", "«»"])
def test_quotes_around_the_question_are_no_part_of_it(quotes: str) -> None:
    text = PLAIN.replace(f'"{QUESTION}"', f"{quotes[0]}{QUESTION}{quotes[1]}")
    assert read_brief(text).question == QUESTION


def test_quotes_within_the_question_are_kept() -> None:
    asked = "What is “super-resolution”? I want it."
    assert read_brief(f"The question:\n“{asked}”\n\nModels:\n- LIIF").question == asked


@pytest.mark.parametrize(
    "lines", ["", "GitHub: None", "GitHub:", "GitHub: null", "GitHub: N/A", "GitHub: -", "깃허브: 없음"]
)
def test_a_link_that_is_not_there_is_no_link_and_no_fault(lines: str) -> None:
    assert addresses(with_model(lines)) == []
    assert with_model(lines).notices == ()


@pytest.mark.parametrize(
    "address",
    [
        "https://arxiv.org/abs/2012.09161",
        "http://arxiv.org/abs/2012.09161v2",
        "https://arxiv.org/pdf/2012.09161",
        "http://arxiv.org/pdf/2012.09161v1.pdf",
        "arxiv.org/abs/2012.09161",
        "arxiv.org/pdf/2012.09161v2.pdf",
        f"{WEB}ARXIV.org/abs/2012.09161",
    ],
)
def test_an_arxiv_address_is_kept_as_it_is_and_its_number_known(address: str) -> None:
    model = with_model(f"Paper: {address}").models[0]
    assert model.links == (Link("paper", address),)
    assert model.paper_id == "2012.09161"


@pytest.mark.parametrize(
    "address",
    ["https://github.com/yinboc/liif.git", "github.com/yinboc/liif", "https://github.com/a/b/tree/x#y"],
)
def test_an_address_of_code_is_kept_as_it_is(address: str) -> None:
    assert with_model(f"GitHub: {address}").models[0].links == (Link("code", address),)


def test_windows_line_ends_change_nothing() -> None:
    text = PLAIN.replace(QUESTION, f"It is small.\n{QUESTION}")
    assert read_brief(text.replace("\n", "\r\n")) == read_brief(text)


def test_markdown_changes_nothing() -> None:
    text = f"""## Question

{QUESTION}

## Recommended Models

- **Model:** LIIF
- **Paper**: [the paper](https://arxiv.org/pdf/2012.09161)
- __GitHub__: <https://github.com/yinboc/liif>

## Related Papers

* **Model**: FeatSharp: Features, Sharper
* **Paper:** http://arxiv.org/pdf/2502.16025v1.pdf
* **Summary:** Feature maps are made sharper.
"""
    assert read_brief(text) == read_brief(PLAIN)


@pytest.mark.parametrize("line", ["### LIIF", "1. **Model**: LIIF", "**Model: LIIF**", "1. LIIF"])
def test_a_model_is_named_by_a_markdown_line(line: str) -> None:
    text = f"{QUESTION}\n\n## Models\n\n{line}\n   - **GitHub**: https://github.com/yinboc/liif\n"
    assert [(source.name, len(source.links)) for source in read_brief(text).models] == [("LIIF", 1)]


def test_json_of_the_same_fields_is_the_same_brief() -> None:
    paper, code = "https://arxiv.org/pdf/2012.09161", "https://github.com/yinboc/liif"
    related = {"title": "FeatSharp: Features, Sharper", "link": "http://arxiv.org/pdf/2502.16025v1.pdf"}
    raw = {
        "question": QUESTION,
        "models": [{"name": "LIIF", "paper": paper, "github": code}],
        "papers": [{**related, "github": None, "summary": "Feature maps are made sharper."}],
    }
    assert brief_of(raw) == read_brief(json.dumps(raw)) == read_brief(PLAIN)


@pytest.mark.parametrize(
    "text",
    [
        "[1]",
        "[]",
        '{"question": 5}',
        '{"question": ["How?"]}',
        '{"question": "How?", "models": "LIIF"}',
        '{"question": "How?", "models": ["LIIF"]}',
        '{"question": "How?", "models": [null]}',
        '{"question": "How?", "papers": 5}',
        '{"question": "How?", "papers": [[]]}',
        '{"question": "How?", "models": [',
        '{"question": "How?", "papers": ' + "[" * 10_000,
    ],
)
def test_json_of_wrong_kinds_or_cut_off_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"brief"):
        read_brief(text)


def test_a_field_of_a_wrong_kind_is_left_out() -> None:
    raw = {"name": "LIIF", "paper": {"a": 1}, "github": 5, "summary": [["x"]], "price": 3, "licence": None}
    brief = brief_of({"question": "How?", "models": [raw]})
    assert (dict(brief.models[0].fields), brief.models[0].links) == ({"name": "LIIF"}, ())
    assert brief.notices == ("'5' is no web address; it is not shown as a link.",)


def test_half_a_letter_in_json_does_not_break_the_answer() -> None:
    answer = answer_of(
        read_brief('{"question": "Enlarge \\ud800 it?", "models": [{"name": "LIIF \\udfff"}]}')
    )
    assert answer.sentences


def test_korean_labels_are_read() -> None:
    brief = read_brief(
        "질문: 사진을 두 배로 키우려면 어떻게 하나요?\n\n추천 모델:\n모델: SwinIR\n요약: 사진을 키운다.\n"
        "논문: https://arxiv.org/abs/2108.10257\n깃허브: https://github.com/JingyunLiang/SwinIR\n\n"
        "관련 논문:\n제목: 선명한 특징\n초록: 특징을 키운다."
    )
    assert brief.question == "사진을 두 배로 키우려면 어떻게 하나요?"
    assert dict(brief.models[0].fields) == {"name": "SwinIR", "summary": "사진을 키운다."}
    assert [link.kind for link in brief.models[0].links] == ["paper", "code"]
    assert dict(brief.papers[0].fields) == {"name": "선명한 특징", "abstract": "특징을 키운다."}


@pytest.mark.parametrize("label", ["Paper", "GitHub", "Hugging Face"])
@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "javascript://github.com/%0aalert(1)",
        "data:text/html,<script>1</script>",
        "file:///etc/passwd",
        "vbscript:x",
        f"{WEB}user@github.com/a/b",
        f"{WEB}github.com:443@evil.example/x",
        f"{WEB}github.com\\@evil.example/x",
        f"{WEB}github.com/a\u202egpj.b",
        "//github.com/a/b",
        "[the code](javascript:alert(1))",
    ],
)
def test_an_address_that_could_do_harm_is_a_notice_and_no_link(label: str, address: str) -> None:
    brief = with_model(f"{label}: {address}")
    assert addresses(brief) == []
    assert len(brief.notices) == 1
    assert "is no web address" in brief.notices[0]


@pytest.mark.parametrize(
    "words",
    ["see the paper", WEB, "http:/arxiv.org/abs/1", f"{WEB}localhost/x", "github.com", "arXiv:2012.09161"],
)
def test_words_that_are_no_address_are_a_notice_and_no_link(words: str) -> None:
    brief = with_model(f"GitHub: {words}")
    assert addresses(brief) == []
    assert brief.notices == (f"{words!r} is no web address; it is not shown as a link.",)


@pytest.mark.parametrize(
    "line", ["Please answer in three parts.", "", "---", "2. Z, another model", "Thanks!"]
)
def test_a_line_behind_a_link_is_no_part_of_it(line: str) -> None:
    brief = with_model(f"GitHub: https://github.com/yinboc/liif\n{line}")
    assert brief.models[0].links == (Link("code", "https://github.com/yinboc/liif"),)


def test_a_paragraph_behind_a_name_is_no_part_of_it() -> None:
    assert with_model("\nPlease answer in three parts.").models[0].name == "LIIF"


def test_a_summary_goes_on_over_lines() -> None:
    assert with_model("Summary: One.\nTwo.\n\nThree.").models[0].fields["summary"] == "One.\nTwo.\nThree."


def test_what_is_there_twice_is_one_source() -> None:
    brief = with_model("Paper: https://arxiv.org/abs/1\nModel:  liif\nPaper: https://arxiv.org/abs/1")
    assert [source.name for source in brief.models] == ["LIIF"]
    assert addresses(brief) == ["https://arxiv.org/abs/1"]
    assert brief.notices == ("'liif' is there twice.",)


def test_a_model_named_twice_keeps_the_links_of_both() -> None:
    brief = with_model("Paper: https://arxiv.org/abs/1\nModel: LIIF\nPaper: https://arxiv.org/abs/2")
    assert addresses(brief) == ["https://arxiv.org/abs/1", "https://arxiv.org/abs/2"]
    assert brief.notices == ("'LIIF' is there twice; the links of both are kept.",)


def test_bullets_without_labels_are_names_with_links() -> None:
    brief = read_brief(
        f"{QUESTION}\n\nModels:\n- LIIF (https://arxiv.org/abs/2012.09161)\n* [SwinIR](https://github.com/a/b)\n"
        "3. **EDSR** - arxiv.org/abs/1707.02921\n• RCAN\n"
    )
    assert [(source.name, *source.links) for source in brief.models] == [
        ("LIIF", Link("paper", "https://arxiv.org/abs/2012.09161")),
        ("SwinIR", Link("code", "https://github.com/a/b")),
        ("EDSR", Link("paper", "arxiv.org/abs/1707.02921")),
        ("RCAN",),
    ]


def test_a_brief_may_be_a_question_alone() -> None:
    assert read_brief(f"\n{QUESTION}\n") == Brief(QUESTION)


def test_without_a_question_there_is_no_answer() -> None:
    brief = read_brief("Models:\n- LIIF\n")
    assert (brief.question, len(brief.models)) == ("", 1)
    with pytest.raises(InputError, match="There is no question"):
        answer_of(brief)


@pytest.mark.parametrize("text", ["", " \n\t", "\0", "{}", "Models:\n\nAnswer:"])
def test_a_brief_without_a_question_and_without_sources_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_brief(text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_read_in_any_of_its_encodings(encoding: str) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    text = PLAIN.replace(QUESTION, "사진을 2× 키우려면?")
    assert read_brief(mark + text.encode(encoding)) == read_brief(text)


def test_korean_of_windows_is_read_and_told() -> None:
    brief = read_brief("사진을 키우려면?\n\n추천 모델:\n모델: SwinIR".encode("cp949"))
    assert (brief.question, brief.models[0].name) == ("사진을 키우려면?", "SwinIR")
    assert brief.notices == ("The brief is no UTF-8; it was read as Korean (CP949).",)


@pytest.mark.parametrize("asked", ["It’s 2× too small, isn’t it?", "“How?”", "사진을 키우려면?"])
def test_one_broken_byte_spoils_no_other_letter(asked: str) -> None:
    text = f"Question:\n{asked}\n\nModels:\n- LIIF\n- "
    brief = read_brief(text.encode() + b"\xff")
    assert brief.question == asked.strip("“”")
    assert "bytes" in brief.notices[0]


def test_nul_bytes_are_dropped() -> None:
    assert read_brief(PLAIN.encode().replace(b"LI", b"L\0I\0")) == read_brief(PLAIN)


@pytest.mark.parametrize("text", [b"x" * (MAX_BYTES + 1), "x" * (MAX_BYTES + 1), "가" * (MAX_BYTES // 3 + 1)])
def test_a_brief_beyond_ten_megabytes_is_refused(text: str | bytes) -> None:
    with pytest.raises(LimitError, match=r"at most 10 MB; this one has 10\.0 MB"):
        read_brief(text)


def test_500_models_are_read_and_1001_refused() -> None:
    lines = [f"Model: m{number}" for number in range(1001)]
    assert len(read_brief("\n".join([QUESTION, "Models:", *lines[:500]])).models) == 500
    with pytest.raises(LimitError, match="at most 1000 sources; this one has 1001"):
        read_brief("\n".join([QUESTION, "Models:", *lines]))


def test_of_a_question_of_100000_characters_the_first_are_read() -> None:
    brief = read_brief("enlarge " * 12_500 + "\n\nModels:\n- LIIF")
    assert len(brief.question) == MAX_QUESTION
    assert brief.notices == (f"Of the question's 99999 characters the first {MAX_QUESTION} are read.",)


IN_SECTION = f"{QUESTION}\nModels:\nModel: LIIF\n"
PATHOLOGICAL = {
    "lines of [": "[\n" * 100_000,
    "a line of [": "[" * 100_000,
    "lines of Model:": IN_SECTION + "Model:\n" * 100_000,
    "lines of Model: without a section": f"{QUESTION}\n" + "Model:\n" * 100_000,
    "one link many times": IN_SECTION + "GitHub: https://github.com/a/b\n" * 30_000,
    "many links": IN_SECTION + "".join(f"GitHub: github.com/a/{number}\n" for number in range(10_000)),
    "a long summary": IN_SECTION + "Summary: One.\n" + "Words that go on and on and on.\n" * 80_000,
    "blanks": f"{QUESTION}\n" + " " * 20_000 + "x",
    "blanks before a label": IN_SECTION + " " * 20_000 + "Paper: x",
    "blanks in a bullet": IN_SECTION + "- a" + " " * 20_000 + "b",
    "blanks behind a quote": 'He asked:\n"' + " " * 1_000 + "x",
    "quotes": "He asked:\n" + '"a' * 8_000,
    "stars": IN_SECTION + "*" * 100_000,
}


@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_no_text_takes_long_to_read(name: str) -> None:
    begun = time.process_time()
    read_brief(PATHOLOGICAL[name])
    assert time.process_time() - begun < 1
