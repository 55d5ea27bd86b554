"""Names in documents: ids, versions, `type@version`, wires as "node.port". ASCII alone: no two look alike.

What is wrong with a name is said by a ValueError; whoever reads the document adds where it stood.
"""

import re
import unicodedata
from dataclasses import dataclass

from anyres.core.errors import InputError

INPUTS = "inputs"  # of the document itself, in wires: no node is called so
RESULT = "result"  # the one output port of every operation
_ID = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_VERSION = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})")

Version = tuple[int, int, int]


@dataclass(frozen=True)
class Source:
    """Where a wire begins: a node's output, or a declared input of the document where node is None."""

    node: str | None
    port: str

    def __str__(self) -> str:
        return f"{self.node or INPUTS}.{self.port}"


def checked_id(value: object) -> str:
    """The value, if it is an id; else ValueError says why not, with the letter that only looks right."""
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    for letter in value if isinstance(value, str) else "":
        if not letter.isascii():
            name = unicodedata.name(letter, "a letter without a name")
            raise ValueError(f"a name is of ASCII letters; this one holds U+{ord(letter):04X}, {name}")
    raise ValueError("a name is of a-z, 0-9, _ and -, begins with a letter and has 64 letters at most")


def checked_line(value: str) -> str:
    """The value, if it is one line of text; ValueError else: a break would look like another line of ours."""
    if len(f"{value}.".splitlines()) > 1:
        raise ValueError("this is one line; take the line breaks away")
    return value


def checked_node_id(value: object) -> str:
    """The value, if a node can be called so; ValueError else."""
    if value == INPUTS:
        raise ValueError(f"{INPUTS} means those of the document; give the node another name")
    return checked_id(value)


def parsed_version(value: object) -> Version:
    """(1, 0, 0) of "1.0.0"; ValueError for all else."""
    match = _VERSION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError("a version is three numbers: 1.0.0")
    return int(match[1]), int(match[2]), int(match[3])


def checked_version(value: object) -> str:
    """The value, if it is a version; ValueError else."""
    return ".".join(map(str, parsed_version(value)))


def parsed_reference(value: object) -> tuple[str, Version]:
    """Name and version of "upscale@1.0.0"; ValueError for all else: no module, path or address passes."""
    if not isinstance(value, str) or value.count("@") != 1:
        raise ValueError("this is NAME@VERSION, for example upscale@1.0.0")
    name, _, version = value.partition("@")
    return checked_id(name), parsed_version(version)


def checked_reference(value: object) -> str:
    """The value, if it is `type@version`; ValueError else."""
    parsed_reference(value)
    return str(value)


def parsed_source(value: object) -> Source:
    """Where "enlarge.result" or "inputs.photo" begins; ValueError for all else."""
    if isinstance(value, Source):
        return value
    if not isinstance(value, str) or value.count(".") != 1:
        raise ValueError("a wire is NODE.PORT, or inputs.NAME")
    node, _, port = value.partition(".")
    return Source(None if node == INPUTS else checked_id(node), checked_id(port))


def runs_here(asked: Version, installed: Version) -> bool:
    """Whether what is installed does what was asked for: the same major version, and not an older one."""
    return asked[0] == installed[0] and asked <= installed


def name_given(value: str) -> str:
    """A name that a person gave, if it is an id; InputError else."""
    try:
        return checked_id(value)
    except ValueError as refusal:
        raise InputError(f"{value!r} is no name: {refusal}.") from None
