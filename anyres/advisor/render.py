"""An answer as text, Markdown, HTML or JSON.

Every span is cut out anew, and what comes from outside is escaped.
"""

import html
import json
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from anyres.advisor.answer import Answer, Part, Sentence, references
from anyres.advisor.formats import FORMATS
from anyres.advisor.phrases import phrases
from anyres.advisor.quoting import is_quotable, shown, shown_name, without_addresses
from anyres.core.errors import InputError

_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()#+!|<>~])")
WIDTH: Final = 110  # letters of a line of text
_NUMBER: Final[Sequence[Part]] = (1, 2, 3)


def rendered(answer: Answer, form: str) -> str:
    """The answer in a format; ends with a line break.

    Raises InputError for another format, or if a source is not what the answer was made from.
    """
    makers: Mapping[str, Callable[[Answer], str]] = dict(
        zip(FORMATS, (_text, _markdown, _json, _html), strict=True)
    )
    if form not in makers:
        raise InputError(f"An answer is {', '.join(makers)}; {form!r} was asked for.")
    for sentence in answer.sentences:
        for span in sentence.spans:
            answer.sources.words(span)
    return makers[form](answer)


def _json(answer: Answer) -> str:
    return json.dumps(answer.as_json(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _text(answer: Answer) -> str:
    numbers = references(answer.sentences)
    said = phrases(answer.language)
    lines: list[str] = []
    for part in _NUMBER:
        lines += [said.parts[part - 1], ""]
        if part < 3:
            for one in answer.sentences_of(part):
                lines += _wrapped(_marked(one, numbers), "   ")
        else:
            for role in answer.roles:
                lines.append(f"   [{said.roles[role.role]}] {shown_name(answer.sources[role.source])}")
                for one in answer.sentences_of(3, about=role.source):
                    lines += _wrapped(_marked(one, numbers), "      ")
                lines += [f"      {address}" for address in answer.links[role.source]]
                lines += [f"      ({missing})" for missing in _missing(answer, role.source)]
        lines.append("")
    lines.append(f"{said.words['sources']}:")
    lines += [f"   [{number}] {_named(answer, name)}" for name, number in numbers.items()]
    lines += [f"{said.words['notices']}: {without_addresses(notice)}" for notice in answer.notices]
    if answer.removed:
        lines.append(said.words["removed"].format(count=answer.removed))
    if answer.run:
        lines += [f"{said.words['results']}: {path}" for path in answer.run.outputs]
    return "\n".join(lines).rstrip() + "\n"


def _wrapped(text: str, indent: str) -> list[str]:
    """Lines of a width that people read easily; an address is never broken."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _marked(sentence: Sentence, numbers: Mapping[str, int]) -> str:
    return f"{sentence.text}{_label(sentence)} {_marks(sentence, numbers)}"


def _markdown(answer: Answer) -> str:
    numbers = references(answer.sentences)
    lines: list[str] = []
    for part in _NUMBER:
        lines += [f"## {phrases(answer.language).parts[part - 1].replace('->', '→')}", ""]
        if part < 3:
            lines += [f"- {_escaped(_marked(one, numbers))}" for one in answer.sentences_of(part)]
            if part == 2 and answer.document is not None:
                lines += ["", "```mermaid", _drawing(answer).rstrip(), "```"]
        else:
            for role in answer.roles:
                source = answer.sources[role.source]
                lines.append(
                    f"- **{_escaped(shown_name(source))}** — {phrases(answer.language).roles[role.role]}"
                )
                told = answer.sentences_of(3, about=role.source)
                lines += [f"  - {_escaped(_marked(one, numbers))}" for one in told]
                lines += [
                    f"  - <{address}>" if address.startswith("http") else f"  - {_escaped(address)}"
                    for address in answer.links[role.source]
                ]
                lines += [f"  - {missing}" for missing in _missing(answer, role.source)]
        lines.append("")
    lines += [f"{number}. {_escaped(_named(answer, name))}" for name, number in numbers.items()]
    lines += ["", *(f"> {_escaped(without_addresses(notice))}" for notice in answer.notices)]
    if answer.removed:
        lines.append(f"> {phrases(answer.language).words['removed'].format(count=answer.removed)}")
    return "\n".join(lines).rstrip() + "\n"


def _html(answer: Answer) -> str:
    numbers = references(answer.sentences)
    safe = html.escape
    parts = [f'<article class="anyres-answer" lang="{answer.language}">']
    for part in _NUMBER:
        parts.append(f"<section><h2>{safe(phrases(answer.language).parts[part - 1])}</h2>")
        if part < 3:
            parts.append(
                "<ul>"
                + "".join(_html_sentence(answer, one, numbers) for one in answer.sentences_of(part))
                + "</ul>"
            )
            if part == 2 and answer.document is not None:
                from anyres.workflow.draw import svg
                from anyres.workflow.graph import resolve

                parts.append(svg(resolve(answer.document)))
        else:
            for role in answer.roles:
                source = answer.sources[role.source]
                told = "".join(
                    _html_sentence(answer, one, numbers) for one in answer.sentences_of(3, about=role.source)
                )
                links = "".join(_html_link(address) for address in answer.links[role.source])
                missing = "".join(f"<li>{safe(one)}</li>" for one in _missing(answer, role.source))
                parts.append(
                    f"<section><h3>{safe(shown_name(source))} "
                    f"<small>{safe(phrases(answer.language).roles[role.role])}</small></h3>"
                    f"<ul>{told}{links}{missing}</ul></section>"
                )
        parts.append("</section>")
    named = "".join(
        f'<li id="source-{number}">{safe(_named(answer, name))}</li>' for name, number in numbers.items()
    )
    parts.append(f"<footer><ol>{named}</ol>")
    parts += [f"<p>{safe(without_addresses(notice))}</p>" for notice in answer.notices]
    if answer.removed:
        parts.append(f"<p>{safe(phrases(answer.language).words['removed'].format(count=answer.removed))}</p>")
    parts.append("</footer></article>")
    return "\n".join(parts) + "\n"


def _html_sentence(answer: Answer, sentence: Sentence, numbers: Mapping[str, int]) -> str:
    said = [answer.sources.words(span) for span in sentence.spans]
    words = " | ".join(shown(one, longest=200) for one in said if is_quotable(one))
    marks = "".join(f'<a href="#source-{number}">[{number}]</a>' for number in _numbers(sentence, numbers))
    text = html.escape(sentence.text + _label(sentence))
    return f'<li title="{html.escape(words, quote=True)}">{text} {marks}</li>'


def _html_link(address: str) -> str:
    """An address that began with http, as a link; any other as text: it may not become one by guessing."""
    if not re.match(r"https?://", address, re.IGNORECASE):
        return f"<li>{html.escape(address)}</li>"
    target = html.escape(address, quote=True)
    return f'<li><a rel="noopener noreferrer nofollow" href="{target}">{html.escape(address)}</a></li>'


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def _label(sentence: Sentence) -> str:
    return f" ({sentence.label})" if sentence.label else ""


def _numbers(sentence: Sentence, numbers: Mapping[str, int]) -> list[int]:
    return sorted({numbers[span.source] for span in sentence.spans})


def _marks(sentence: Sentence, numbers: Mapping[str, int]) -> str:
    return "".join(f"[{number}]" for number in _numbers(sentence, numbers))


def _missing(answer: Answer, source: str) -> list[str]:
    words = phrases(answer.language).words
    kinds = {link.kind for link in answer.sources[source].links}
    return [words[key] for kind, key in (("paper", "no_paper"), ("code", "no_code")) if kind not in kinds]


def _named(answer: Answer, name: str) -> str:
    """A source as the list of sources calls it."""
    source, words = answer.sources[name], phrases(answer.language).words
    if source.kind in ("question", "run"):
        return words["here" if source.id == "here" else source.kind]
    if source.kind == "card":
        return words["card"].format(name=shown_name(source))
    return shown_name(source)


def _drawing(answer: Answer) -> str:
    from anyres.workflow.draw import mermaid
    from anyres.workflow.graph import resolve

    assert answer.document is not None
    return mermaid(resolve(answer.document))
