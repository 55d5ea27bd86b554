"""One property of ours in an XMP packet: put in, found and taken out as text; a stranger's XML is not parsed.

XMP (ISO 16684-1) is RDF in XML. The property stands in a description of its own before the end of the RDF, so
that nothing else of the packet changes; another program may have rewritten it as an attribute, which is found
too. All patterns take time in proportion to the packet, whatever it holds.
"""

import html
import re
from typing import Final

from anyres.core.errors import InputError

NAMESPACE: Final = "anyres:ns:record/"
_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_OPENING: Final = (
    f'<rdf:Description rdf:about="" xmlns:rdf="{_RDF}" xmlns:anyres="{NAMESPACE}"><anyres:record>'
).encode()
_CLOSING: Final = b"</anyres:record></rdf:Description>"
_PACKET: Final = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'  # the id that the standard gives all packets
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"></rdf:RDF></x:xmpmeta>'
    '<?xpacket end="w"?>'
).encode()
_RDF_END: Final = re.compile(rb"</rdf:RDF\s{0,16}>")
_OURS: Final = (
    re.compile(re.escape(_OPENING) + rb"[^<]*" + re.escape(_CLOSING)),
    re.compile(rb"<anyres:record>[^<]*</anyres:record>"),
    re.compile(rb"\sanyres:record=\"[^\"]*\""),
)
_VALUE: Final = re.compile(rb"<anyres:record>([^<]*)</anyres:record>|\sanyres:record=\"([^\"]*)\"")


def with_property(xmp: bytes | None, text: str) -> bytes | None:
    """The packet with our property in place of an earlier one, and all else as it was.

    Without a packet a new one. None where one is there and its RDF does not end in plain `</rdf:RDF>`: it is
    not ours to replace.
    """
    packet = without_property(xmp or b"")
    packet = packet if packet.strip(b"\x00 \t\r\n") else _PACKET
    ends = [found.start() for found in _RDF_END.finditer(packet)]
    if not ends:
        return None
    ours = _OPENING + _escaped(text) + _CLOSING
    return packet[: ends[-1]] + ours + packet[ends[-1] :]


def _escaped(text: str) -> bytes:
    """The text as XML holds it; double quotes, of which JSON is full, may stand outside attributes."""
    return html.escape(text, quote=False).replace("'", "&#x27;").encode()


def without_property(xmp: bytes) -> bytes:
    """The packet without our property, in whichever form it stands there; empty where only that was in it."""
    for pattern in _OURS:
        xmp = pattern.sub(b"", xmp)
    return b"" if xmp == _PACKET else xmp


def property_of(xmp: bytes) -> str | None:
    """The text of our property; None where there is none.

    Raises:
        InputError: It is no UTF-8.
    """
    every = list(_VALUE.finditer(xmp))
    if not every:
        return None
    found = every[-1]  # ours stands before the end of the RDF
    try:
        return html.unescape((found[1] if found[1] is not None else found[2]).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(
            f"The record in the picture is damaged: it is no UTF-8 ({error.reason}). "
            "Name the JSON file beside the picture, or an undamaged copy."
        ) from error
