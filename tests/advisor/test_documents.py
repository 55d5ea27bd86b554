"""Texts of a folder: joined to the sources that they are of; what cannot be read is a notice."""

import io
import sys
from pathlib import Path

import pytest

from anyres.advisor import documents
from anyres.advisor.ask import answer_of
from anyres.advisor.brief import Brief, brief_of
from anyres.advisor.documents import with_texts
from anyres.core.errors import InputError

BRIEF = brief_of(
    {
        "question": "How do I enlarge my photo by 2?",
        "models": [{"name": "SISR-Any-LIIF-RDN", "paper": "https://arxiv.org/pdf/2012.09161"}],
        "papers": [
            {"title": "Elastic-DETR: Resolution Learnable", "link": "https://arxiv.org/pdf/2412.06341v1"},
            {
                "title": "FeatSharp: Your Vision Model Features, Sharper",
                "link": "https://arxiv.org/abs/2502.16025",
            },
        ],
    }
)
LIIF, ELASTIC, FEATSHARP, FOURTH = "m1", "p1", "p2", "p3"


def texts(folder: Path, files: dict[str, str | bytes], brief: Brief = BRIEF) -> tuple[dict[str, str], Brief]:
    """By source the text that a folder of these files gives it, and the brief that holds it."""
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    read = with_texts(brief, folder)
    return {one.id: one.fields["text"] for one in read.sources if "text" in one.fields}, read


def pdf_of(line: str) -> bytes:
    """The smallest PDF with a line of text."""
    drawn = f"BT /F1 12 Tf 20 100 Td ({line}) Tj ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 200] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    text, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(text))
        text += f"{number} 0 obj\n{content}\nendobj\n"
    entries = "".join(f"{place:010} 00000 n \n" for place in places)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(text)}\n%%EOF\n"
    return f"{text}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{entries}{trailer}".encode("ascii")


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("2012.09161.txt", LIIF),
        ("2012.09161v3.md", LIIF),
        ("arXiv-2502.16025v1 (2).TXT", FEATSHARP),
        ("featsharp-your-vision-model-features-sharper.txt", FEATSHARP),
    ],
)
def test_a_file_belongs_to_the_source_that_its_name_says(tmp_path: Path, name: str, source: str) -> None:
    found, brief = texts(tmp_path, {name: "Words of it."})
    assert found == {source: "Words of it."}
    assert brief.notices == ()


@pytest.mark.parametrize(
    "beginning",
    [
        "arXiv:2502.16025v1 [cs.CV] 22 Feb 2025",
        "https://arxiv.org/abs/2502.16025",
        "FeatSharp: Your Vision Model Features, Sharper",
        "# FEATSHARP - Your Vision\nModel Features, Sharper",
    ],
)
def test_a_file_belongs_to_the_source_that_its_beginning_says(tmp_path: Path, beginning: str) -> None:
    assert list(texts(tmp_path, {"a.txt": f"{beginning}\n\nWords of it."})[0]) == [FEATSHARP]


def test_a_number_far_inside_a_text_says_nothing(tmp_path: Path) -> None:
    assert list(texts(tmp_path, {"a.txt": f"Another\n\n{'Words. ' * 1000}See 2502.16025."})[0]) == [FOURTH]


@pytest.mark.parametrize(
    "files",
    [
        {"2502.16025.txt": "Sharper\n\nUnlike arXiv:2412.06341 it makes features sharp."},
        {"a.txt": "FeatSharp: Your Vision Model Features, Sharper\n\nUnlike arXiv:2412.06341 it is sharp."},
        {"a.txt": "arXiv:2502.16025v1\n\nSharper, unlike arXiv:2412.06341."},
    ],
    ids=["number in the name", "title", "first number"],
)
def test_a_paper_that_a_text_cites_does_not_take_it(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    assert list(texts(tmp_path, files)[0]) == [FEATSHARP]


def test_a_file_of_none_is_a_paper_named_by_its_first_line(tmp_path: Path) -> None:
    found, brief = texts(tmp_path, {"other.txt": "Sharper pictures of cats\n\nCats are enlarged."})
    assert found == {FOURTH: "Sharper pictures of cats\n\nCats are enlarged."}
    assert (brief.papers[2].kind, brief.papers[2].name) == ("paper", "Sharper pictures of cats")
    assert brief.notices == (
        "other.txt is of none of the named sources; it counts as a paper, 'Sharper pictures of cats'.",
    )


def test_a_markdown_file_is_named_without_its_marks(tmp_path: Path) -> None:
    assert texts(tmp_path, {"a.md": "# Sharper cats\n\nWords."})[1].papers[2].name == "Sharper cats"


def test_every_source_keeps_an_id_of_its_own(tmp_path: Path) -> None:
    brief = brief_of({"question": "How?", "papers": [{"title": "A"}, {"title": "A"}, {"title": "B"}]})
    _, read = texts(tmp_path, {"c.txt": "C", "d.txt": "D"}, brief)
    assert len({source.id for source in read.sources}) == len(read.sources) == 4


def test_an_answer_cites_the_text(tmp_path: Path) -> None:
    words = "The method enlarges a photograph by any factor."
    _, brief = texts(tmp_path, {"2012.09161.txt": f"Learning Continuous Pictures\n\n{words}"})
    answer = answer_of(brief)
    cited = [answer.sources.words(span) for sentence in answer.sentences for span in sentence.spans]
    assert words in cited


def test_script_and_style_of_a_page_are_unseen(tmp_path: Path) -> None:
    page = (
        "<!doctype html><html><head><title>Tab</title><style>p {}</style><script>'<p>x</p>'</script></head>"
        "<body><style>b {}</style><h1>Sharper cats</h1><script>alert(1)</script><noscript>Off</noscript>"
        "<p>Cats &amp; <b>dogs</b> are\nenlarged.</p><svg><text>Drawn</text></svg><p>Twice.</p></body></html>"
    )
    found, _ = texts(tmp_path, {"a.html": page, "b.HTM": "<p>Dogs"})
    assert found[FOURTH].split() == ["Sharper", "cats", "Cats", "&", "dogs", "are", "enlarged.", "Twice."]
    assert found["p4"].split() == ["Dogs"]


def test_a_page_may_leave_out_the_end_of_its_head(tmp_path: Path) -> None:
    found, _ = texts(tmp_path, {"a.html": "<html><head><title>Tab</title><body><p>Cats are enlarged."})
    assert found[FOURTH].split() == ["Cats", "are", "enlarged."]


def test_a_tag_inside_a_word_does_not_part_it(tmp_path: Path) -> None:
    found, _ = texts(tmp_path, {"a.html": "<p>Super<b>Retina</b>, of <i>H</i><sub>2</sub>O</p>"})
    assert found[FOURTH].split() == ["SuperRetina,", "of", "H2O"]


def test_words_that_a_line_end_parts_are_joined(tmp_path: Path) -> None:
    found, _ = texts(tmp_path, {"a.txt": "Title\r\n\r\nIt en-\r\nlarges a\r\nphoto.\r\n\r\nTwice.\0"})
    assert found[FOURTH].split("\n\n")[1:] == ["It enlarges a photo.", "Twice."]


@pytest.mark.parametrize("encoding", ["cp949", "utf-16"])
def test_a_text_in_another_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    found, _ = texts(tmp_path, {"2012.09161.txt": "사진을 키운다.".encode(encoding)})
    assert found == {LIIF: "사진을 키운다."}


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt", b""), ("a.html", b"<html></html>"), ("a.md", b" \n\0\n")]
)
def test_a_file_without_words_is_a_notice_and_the_rest_is_used(
    tmp_path: Path, name: str, content: bytes
) -> None:
    found, brief = texts(tmp_path, {name: content, "2012.09161.txt": "Words."})
    assert found == {LIIF: "Words."}
    assert brief.notices == (f"{name} holds no text; it is left out.",)


def test_a_file_too_large_is_a_notice_and_the_rest_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_FILE_BYTES", 2_000_000)
    found, brief = texts(tmp_path, {"a.txt": b"x" * 3_000_000, "2012.09161.txt": "Words."})
    assert found == {LIIF: "Words."}
    assert brief.notices == (
        "a.txt cannot be read (it has 3 MB, and 2 MB are read at most); it is left out.",
    )


def test_of_too_many_files_the_first_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_FILES", 1)
    found, brief = texts(tmp_path, {"2012.09161.txt": "Words.", "2502.16025.txt": "Words."})
    assert found == {LIIF: "Words."}
    assert brief.notices == (f"Of the 2 files of {tmp_path} the first 1 are read.",)


def test_other_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "nowhere.txt").symlink_to(tmp_path / "gone")
    assert texts(tmp_path, {"a.png": b"\x89PNG", "b.docx": b"PK"}) == ({}, BRIEF)


@pytest.mark.parametrize("name", ["gone", "file.txt"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").write_text("Words.")
    with pytest.raises(InputError, match=f"{name} is no folder"):
        with_texts(BRIEF, tmp_path / name)


def test_a_pdf_is_read(tmp_path: Path) -> None:
    pytest.importorskip("pypdf", reason="pypdf: pip install 'anyres[papers]'")
    found, brief = texts(tmp_path, {"2012.09161.PDF": pdf_of("Enlarged by any factor.")})
    assert found == {LIIF: "Enlarged by any factor."}
    assert brief.notices == ()


@pytest.mark.parametrize(
    "content",
    [b"", b"%PDF-1.4 broken", b"no PDF", pdf_of("Cut")[:300]],
    ids=["empty", "broken", "no PDF", "cut off"],
)
def test_a_damaged_pdf_is_a_notice_and_the_rest_is_used(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("pypdf", reason="pypdf: pip install 'anyres[papers]'")
    found, brief = texts(tmp_path, {"a.pdf": content, "2012.09161.txt": "Words."})
    assert found == {LIIF: "Words."}
    assert brief.notices == ("a.pdf cannot be read (it is damaged); it is left out.",)


def test_an_encrypted_pdf_is_a_notice_and_the_rest_is_used(tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf", reason="pypdf: pip install 'anyres[papers]'")
    writer, content = pypdf.PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(content)
    found, brief = texts(tmp_path, {"a.pdf": content.getvalue(), "2012.09161.txt": "Words."})
    assert found == {LIIF: "Words."}
    assert brief.notices == ("a.pdf cannot be read (it is encrypted); it is left out.",)


def test_a_pdf_of_pictures_alone_is_a_notice(tmp_path: Path) -> None:
    pytest.importorskip("pypdf", reason="pypdf: pip install 'anyres[papers]'")
    assert texts(tmp_path, {"a.pdf": pdf_of("")})[1].notices == ("a.pdf holds no text; it is left out.",)


def test_without_pypdf_a_pdf_is_a_notice_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pypdf", None)
    found, brief = texts(tmp_path, {"a.pdf": pdf_of("Words."), "2012.09161.txt": "Words."})
    assert found == {LIIF: "Words."}
    assert "pip install 'anyres[papers]'" in brief.notices[0]
