"""Names of sources: how a question may call them, and how one source is part of another."""

import re
from collections.abc import Iterable

from anyres.advisor.abilities import Able
from anyres.advisor.sources import Source


def names_in(sources: Iterable[Source]) -> list[str]:
    """Names by which a question may call these sources: in full, before a colon, words of no English."""
    found: list[str] = []
    for source in sources:
        name = source.name
        short = name.partition(":")[0]
        found += [name, short]
        found += [word for word in re.findall(r"[A-Za-z][\w+-]*", short) if _is_a_name(word)]
    return [name for name in dict.fromkeys(found) if len(name) > 2]


def _is_a_name(word: str) -> bool:
    """Capitals or digits within a word: SwinIR, NAFNet-SIDD, RCAN-it, x4 is none."""
    return bool(re.search(r"[a-z][A-Z]|[A-Z]{2}|[A-Za-z]\d", word)) and not re.fullmatch(
        r"[xX]\d+|\d+[xX]", word
    )


def is_named_in(part: Able, whole: Able) -> bool:
    """Whether a method carries the name of a source: RDN in SISR-Any-LIIF-RDN, SwinIR in its summary."""
    text = f"{whole.source.name} {whole.source.fields.get('summary', '')}"
    return any(
        re.search(rf"(?<![A-Za-z0-9]){re.escape(one)}(?![a-z0-9])", text)
        for one in acronyms(part.source.name)
    )


def acronyms(title: str) -> set[str]:
    """Short names of a paper: what stands before a colon, and the initials of its first words."""
    found = {word for word in re.findall(r"[A-Za-z][\w+-]*", title.partition(":")[0]) if _is_a_name(word)}
    initials = [word[0] for word in re.findall(r"[A-Za-z]+", title) if word[0].isupper()]
    for start in range(max(0, len(initials) - 2)):
        for length in (3, 4, 5):
            if start + length <= len(initials):
                found.add("".join(initials[start : start + length]))
    return {one for one in found if len(one) > 2}


def same_paper(first: Source, second: Source) -> bool:
    """Whether two sources name one paper, by its arXiv number or by its title."""
    if first.paper_id is not None and first.paper_id == second.paper_id:
        return True
    links = {link.address for link in first.links if link.kind == "code"}
    return any(link.address in links for link in second.links if link.kind == "code")
