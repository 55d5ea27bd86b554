import json
from pathlib import Path

import pytest

from anyres.advisor.answer import Answer
from anyres.advisor.ask import answer_of, ask
from anyres.advisor.brief import example_brief, read_brief
from anyres.advisor.formats import FORMATS
from anyres.advisor.render import rendered
from anyres.core.errors import InputError
from anyres.workflow.document import document_text, read_document
from anyres.workflow.graph import resolve
from tests.advisor.asked import DENOISER, LIIF, asked, text_of

SHARED = Path(__file__).parents[3] / "shared" / "briefs" / "enlarge-2x.txt"
LINKS = (
    "https://arxiv.org/pdf/2012.09161",
    "https://github.com/yinboc/liif",
    "http://arxiv.org/pdf/2502.16025v1.pdf",
    "http://arxiv.org/pdf/2412.06341v1.pdf",
    "http://arxiv.org/pdf/2307.10698v2.pdf",
    "https://github.com/SaharAlmahfouzNasser/MeDAL-Retina",
)


@pytest.fixture(params=["ours", "as given"])
def answer(request: pytest.FixtureRequest) -> Answer:
    """The answer to the example brief, with our summaries and with those that came with it."""
    if request.param == "ours":
        return answer_of(example_brief())
    if not SHARED.is_file():
        pytest.skip(f"{SHARED} is not here")
    return answer_of(read_brief(SHARED.read_bytes()))


def test_the_example_is_enlarging_at_any_scale_by_the_recommended_model(answer: Answer) -> None:
    assert (answer.task, answer.outcome) == ("sisr_any", "answer")
    assert [step.by for step in answer.steps] == ["SISR-Any-LIIF-RDN"]


def test_each_source_of_the_example_has_its_role(answer: Answer) -> None:
    assert [role.role for role in answer.roles] == ["primary", "related", "related", "unrelated"]


@pytest.mark.parametrize("form", FORMATS)
def test_all_six_links_are_there_byte_for_byte_and_none_else(answer: Answer, form: str) -> None:
    import re

    text = rendered(answer, form)
    found = {one.rstrip(".,;") for one in re.findall(r"https?://[^\s<>\"')\]]+", text)}
    assert found - {"http://www.w3.org/2000/svg"} == set(LINKS)


def test_the_facts_of_liif_are_told_with_their_section(answer: Answer) -> None:
    told = {
        span.field
        for sentence in answer.sentences
        for span in sentence.spans
        if span.source.startswith("card")
    }
    facts = {"local_features", "coordinate_decoder", "trained_range", "blend", "cell", "limit"}
    assert len(facts & told) >= 5
    labels = {sentence.label for sentence in answer.sentences if sentence.label}
    assert "our summary of LIIF, section 3" in labels


def test_the_factor_2_is_said_to_lie_inside_what_was_trained(answer: Answer) -> None:
    assert "The factor 2 lies inside the range seen in training, 1 to 4." in text_of(answer)


def test_every_sentence_rests_on_words_that_can_be_cut_out(answer: Answer) -> None:
    for sentence in answer.sentences:
        assert sentence.spans
        assert all(answer.sources.words(span) for span in sentence.spans)


def test_the_workflow_compiles_and_has_the_asked_factor(answer: Answer) -> None:
    assert answer.document is not None
    graph = resolve(read_document(document_text(answer.document)))
    assert answer.document.inputs["scale"].default == 2
    assert [node.operation.name for node in graph.nodes.values()] == ["upscale"]


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_question_gives_the_same_bytes(form: str) -> None:
    first, second = (rendered(answer_of(example_brief()), form) for _ in range(2))
    assert first == second


def test_a_claim_of_a_card_counts_only_where_its_paper_is_named() -> None:
    without = asked("Enlarge my photo 2x", {"name": "SISR-Any-Other", "detailed_category": "SISR Any"})
    assert not any(span.source.startswith("card") for one in without.sentences for span in one.spans)


def test_a_model_that_nothing_here_runs_gets_a_chain_and_is_marked_so() -> None:
    answer = asked("Remove the noise from my photo", DENOISER)
    assert answer.document is None
    assert not answer.steps[0].runs_here
    assert "Nothing installed here runs DnCNN; the chain shows what would be needed." in text_of(answer)


def test_the_answer_is_in_the_language_of_the_question_or_the_one_asked_for() -> None:
    assert asked("사진을 2배로 키우고 싶어요", LIIF).language == "ko"
    assert asked("사진을 2배로 키우고 싶어요", LIIF, language="en").language == "en"


def test_korean_says_the_same_as_english() -> None:
    english, korean = (asked("Enlarge my photo 2x", LIIF, language=language) for language in ("en", "ko"))
    assert [one.part for one in english.sentences] == [one.part for one in korean.sentences]
    assert english.roles == korean.roles


def test_without_a_brief_the_built_in_sources_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyres.advisor.source_library.path_of_library", lambda: tmp_path / "none.sqlite")
    answer = ask("Enlarge my photo 2x")
    assert answer.task == "sisr_any"
    assert len(answer.roles) == 4


def test_without_a_question_there_is_no_answer() -> None:
    with pytest.raises(InputError, match="There is no question"):
        asked("  ", LIIF)


def test_json_holds_task_roles_sentences_links_workflow_and_run(answer: Answer) -> None:
    raw = json.loads(rendered(answer, "json"))
    assert {"task", "roles", "sentences", "links", "workflow", "run"} <= set(raw)
    assert raw["task"] == "sisr_any"
    assert all(sentence["spans"] for sentence in raw["sentences"])


def test_a_changed_source_is_noticed_when_the_answer_is_shown(answer: Answer) -> None:
    from dataclasses import replace

    from anyres.advisor.sources import Sources

    changed = [
        replace(source, fields={**source.fields, "name": "Another"}) if source.id == "m1" else source
        for source in answer.sources.values()
    ]
    with pytest.raises(InputError, match="is not what the answer was made from"):
        rendered(replace(answer, sources=Sources(changed)), "text")
