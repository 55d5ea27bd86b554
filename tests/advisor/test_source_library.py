"""A library: what is imported, and what a question alone finds in it."""

import csv
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anyres.advisor.ask import answer_of
from anyres.advisor.brief import MAX_QUESTION
from anyres.advisor.source_library import Imported, Library, path_of_library
from anyres.core.errors import InputError

LIIF: dict[str, Any] = {
    "name": "SISR-Any-LIIF-RDN",
    "category": "Img2Img",
    "detailed category": "SISR Any",
    "dataset": "DIV2K",
    "paper": "https://arxiv.org/pdf/2012.09161",
    "GitHub": "https://github.com/yinboc/liif",
    "Hugging Face": "huggingface.co/yinboc/liif",
    "summary": "Enlarges a picture by any factor.",
}
NAFNET: dict[str, Any] = {
    "name": "NAFNet-SIDD",
    "category": "Img2Img",
    "detailed category": "Denoising",
    "dataset": "SIDD",
    "paper": "https://arxiv.org/pdf/2204.04676",
    "GitHub": "",
    "Hugging Face": "None",
    "summary": "Removes the noise of a photograph.",
}
META: dict[str, Any] = {
    "title": "Meta-SR: A Network for Any Magnification",
    "link": "https://arxiv.org/abs/1903.00875",
    "abstract": "One network enlarges a low-resolution picture by any factor.",
}
CATS: dict[str, Any] = {
    "title": "Portraits of Cats",
    "link": "https://arxiv.org/abs/1903.00001",
    "abstract": "A dataset of whiskered animals.",
}
FIELDS = {
    "name": "SISR-Any-LIIF-RDN",
    "category": "Img2Img",
    "detailed_category": "SISR Any",
    "dataset": "DIV2K",
    "summary": "Enlarges a picture by any factor.",
}
LARGER = "How do I enlarge my photo by 2.5?"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """A library of two models and two papers."""
    with Library(tmp_path / "folder" / "library.sqlite") as opened:
        opened.add(iter([LIIF, NAFNET]), kind="model")
        opened.add(iter([META, CATS]), kind="paper")
        yield opened


def written(path: Path, entries: list[dict[str, Any]]) -> Path:
    """A file of entries, in the form that its name says."""
    if path.suffix == ".json":
        path.write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
        return path
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(entries[0]))
        writer.writeheader()
        writer.writerows(entries)
    return path


@pytest.mark.parametrize("name", ["models.json", "models.csv", "MODELS.CSV"])
def test_models_of_a_file_come_with_their_fields_and_links(tmp_path: Path, name: str) -> None:
    with Library(tmp_path / "l.sqlite") as library:
        assert library.import_file(written(tmp_path / name, [LIIF, NAFNET]), kind="model") == Imported(
            2, 0, ()
        )
        found = library.brief(LARGER).models[0]
    assert dict(found.fields) == FIELDS
    assert [(link.kind, link.address) for link in found.links] == [
        ("paper", "https://arxiv.org/pdf/2012.09161"),
        ("code", "https://github.com/yinboc/liif"),
        ("model", "huggingface.co/yinboc/liif"),
    ]


@pytest.mark.parametrize("name", ["papers.json", "papers.csv"])
def test_papers_of_a_file_come_with_title_link_and_abstract(tmp_path: Path, name: str) -> None:
    with Library(tmp_path / "l.sqlite") as library:
        assert library.import_file(written(tmp_path / name, [META]), kind="paper") == Imported(1, 0, ())
        found = library.brief(LARGER).papers[0]
    assert dict(found.fields) == {"name": META["title"], "abstract": META["abstract"]}
    assert [(link.kind, link.address) for link in found.links] == [("paper", META["link"])]


def test_models_and_papers_are_counted_apart(library: Library) -> None:
    assert (len(library), library.count("model"), library.count("paper")) == (4, 2, 2)


def test_one_of_a_name_that_is_there_replaces_it(library: Library) -> None:
    entry = {"name": " NAFNet-SIDD ", "detailed category": "SISR Any", "summary": "Enlarges by any factor."}
    assert library.add(iter([entry]), kind="model") == Imported(0, 1, ())
    assert library.count("model") == 2
    assert library.brief("Which model removes the noise of my photo?").models == ()
    assert {one.name for one in library.brief(LARGER).models} == {"SISR-Any-LIIF-RDN", "NAFNet-SIDD"}


def test_a_paper_does_not_replace_a_model_of_its_name(library: Library) -> None:
    assert library.add(iter([{"title": LIIF["name"]}]), kind="paper") == Imported(1, 0, ())
    assert library.count("model") == 2


def test_what_is_no_entry_is_skipped_with_a_reason(library: Library) -> None:
    entries = [
        5,
        "LIIF",
        None,
        ["LIIF"],
        {},
        {"name": ""},
        {"name": None, "summary": "Words."},
        {"name": "A"},
    ]
    assert library.add(iter(entries), kind="model") == Imported(
        1,
        0,
        (
            *(f"Entry {number} is no object." for number in (1, 2, 3, 4)),
            *(f"Entry {number} has no name." for number in (5, 6, 7)),
        ),
    )


def test_a_model_that_is_called_model_3_is_no_model_without_a_name(library: Library) -> None:
    entries = [{"name": "A"}, {"name": "B"}, {"name": "Our model 3", "GitHub": "not yet"}]
    assert library.add(iter(entries), kind="model") == Imported(3, 0, ())


def test_half_a_letter_does_not_stop_an_import(library: Library) -> None:
    library.add(iter([{"name": "A \ud800", "summary": "\udfff"}, {"name": "B"}]), kind="model")
    assert library.count("model") >= 3


def test_an_entry_may_hold_fields_of_any_kind(library: Library) -> None:
    entry = {
        **LIIF,
        "name": "Odd",
        "GitHub": [LIIF["GitHub"], 5],
        "extra": {"a": [1]},
        "stars": 1e999,
        "ok": True,
    }
    assert library.add(iter([entry]), kind="model") == Imported(1, 0, ())
    assert library.add(iter([entry]), kind="model") == Imported(0, 1, ())


def test_progress_counts_the_entries(library: Library) -> None:
    told: list[int] = []
    library.add(({"name": f"m{number}"} for number in range(1001)), kind="model", progress=told.append)
    assert told == [500, 1000]


@pytest.mark.parametrize(
    "question", [LARGER, "사진을 두 배 반으로 키우려면 어떻게 하나요?", "사진 확대는 어떤 모델로?"]
)
def test_a_question_alone_is_answered_from_its_models_and_papers(library: Library, question: str) -> None:
    brief = library.brief(question)
    answer = answer_of(brief)
    assert brief.question == question
    assert [one.name for one in brief.models] == ["SISR-Any-LIIF-RDN"]
    assert brief.papers[0].name == META["title"]
    assert (answer.outcome, answer.task) == ("answer", "sisr_any")
    assert [step.by for step in answer.steps] == ["SISR-Any-LIIF-RDN"]


def test_another_question_is_answered_from_another_model(library: Library) -> None:
    assert [one.name for one in library.brief("Take the grain and noise out of my photo.").models] == [
        "NAFNet-SIDD"
    ]


@pytest.mark.parametrize(
    "question",
    ["How far away is everything in my photo?", "Which model detects cars?", "How do I bake bread?"],
)
def test_for_a_task_that_nothing_does_there_is_no_model(library: Library, question: str) -> None:
    brief = library.brief(question)
    assert brief.models == ()
    assert answer_of(brief).outcome == "none"


def test_a_paper_that_shares_a_rare_word_is_found(library: Library) -> None:
    assert CATS["title"] in [one.name for one in library.brief("What are whiskered things?").papers]


def test_words_that_stand_everywhere_are_not_searched_for(library: Library) -> None:
    papers = ({"title": f"Paper {number}", "abstract": "A splendid thing."} for number in range(30))
    library.add(papers, kind="paper")
    found = [one.name for one in library.brief("splendid whiskered things").papers]
    assert CATS["title"] in found
    assert not [name for name in found if name.startswith("Paper")]


@pytest.mark.parametrize(
    "question",
    [
        '" OR 1=1 --',
        "'; DROP TABLE source; --",
        "NEAR(",
        "NEAR(a b, 5)",
        "*",
        "enlarge*",
        "name:liif AND photo",
        "photo NOT photo OR",
        '"enlarge',
        "^enlarge -photo {name}: +",
        "\0",
        "\ud800",
        "((((",
        "%s %d {}",
    ],
)
def test_signs_of_a_query_do_no_harm(library: Library, question: str) -> None:
    brief = library.brief(question)
    assert brief.question == question
    assert len(library) == 4
    assert library.brief(LARGER).models[0].name == "SISR-Any-LIIF-RDN"
    for one in brief.models:
        assert one.name == "SISR-Any-LIIF-RDN"


def test_a_long_question_is_cut_as_that_of_a_brief_is(library: Library) -> None:
    begun = time.process_time()
    brief = library.brief(f"{LARGER} {'x' * 100_000}")
    assert time.process_time() - begun < 1
    assert len(brief.question) == MAX_QUESTION
    assert "characters" in brief.notices[0]


def test_a_link_that_is_none_is_a_notice_of_the_brief(library: Library) -> None:
    library.add(iter([{**LIIF, "GitHub": "javascript:alert(1)"}]), kind="model")
    assert library.brief(LARGER).notices == (
        "'javascript:alert(1)' is no web address; it is not shown as a link.",
    )


def test_a_library_survives_reopening(library: Library) -> None:
    library.close()
    with Library(library.path) as again:
        assert len(again) == 4
        assert again.brief(LARGER).models[0].name == "SISR-Any-LIIF-RDN"
        assert again.add(iter([LIIF]), kind="model") == Imported(0, 1, ())


def test_an_import_that_is_broken_off_leaves_nothing(library: Library) -> None:
    def entries() -> Iterator[object]:
        yield {"name": "Half", "detailed category": "SISR Any"}
        yield {**NAFNET, "detailed category": "SISR Any"}
        raise KeyboardInterrupt

    before = library.brief(LARGER)
    with pytest.raises(KeyboardInterrupt):
        library.add(entries(), kind="model")
    with Library(library.path) as again:
        assert len(again) == len(library) == 4
        assert again.brief(LARGER) == before
        assert [one.name for one in again.brief("Remove the noise of my photo").models] == ["NAFNet-SIDD"]


@pytest.mark.parametrize(
    "content", [b"no library, but notes\n", b"5", b"SQLite format 3\0 but no more", b"n" * 5000]
)
def test_a_file_that_is_no_library_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"notes\.txt is no library"):
        Library(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("table", ["places (x)", "source (x)"])
def test_a_database_of_something_else_is_refused_and_kept(tmp_path: Path, table: str) -> None:
    path = tmp_path / "places.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE {table}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"places\.sqlite is no library"):
        Library(path)
    assert path.read_bytes() == before


def test_a_folder_is_no_library(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "library.sqlite"):
        with pytest.raises(InputError, match="is no library"):
            Library(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.json", None, "cannot be read"),
        ("a.json", b"5", "holds no list of objects"),
        ("a.json", b'[{"name": "A"}', "is neither JSON nor CSV"),
        ("a.json", b"[" * 100_000, "is neither JSON nor CSV"),
        ("a.json", b"\xff\xff", "is neither JSON nor CSV"),
        ("a.csv", b"name\n\xff", "is neither JSON nor CSV"),
        ("a.csv", b"name\nA\n" + b"x" * 10_000_001, "is neither JSON nor CSV"),
    ],
    ids=["gone", "a number", "cut off", "deep", "no text", "CSV of no text", "a field too long"],
)
def test_a_file_that_holds_no_entries_is_refused(
    library: Library, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        library.import_file(tmp_path / name, kind="model")
    assert len(library) == 4


@pytest.mark.parametrize("key", ["models", "entries"])
def test_a_list_may_stand_in_an_object(library: Library, tmp_path: Path, key: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"version": 1, key: [{"name": "A"}]}))
    assert library.import_file(tmp_path / "a.json", kind="model") == Imported(1, 0, ())


def test_one_object_is_one_entry_whatever_lists_it_holds(library: Library, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"name": "A", "datasets": ["DIV2K"]}))
    assert library.import_file(tmp_path / "a.json", kind="model") == Imported(1, 0, ())


def test_an_empty_file_of_rows_adds_nothing(library: Library, tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    assert library.import_file(tmp_path / "a.csv", kind="model") == Imported(0, 0, ())


def test_rows_may_be_shorter_or_longer_than_their_names(library: Library, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('name,summary\nA\nB,"Two\nlines",more,and more\n')
    assert library.import_file(tmp_path / "a.csv", kind="model") == Imported(2, 0, ())


def test_the_users_own_library_lies_in_the_users_folder(user_folders: Path) -> None:
    assert user_folders in path_of_library().parents
    assert not path_of_library().exists()
