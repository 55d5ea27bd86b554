from xml.etree import ElementTree

import pytest

from anyres.core.errors import InputError
from anyres.core.xmp import NAMESPACE, property_of, with_property, without_property

USERS = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="dc:" dc:rights="Ada"/>'
    b'</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
HARD_TEXT = """{"a": "<b> & 'c' </rdf:RDF> &lt; tiff:ImageWidth='7' ]]> <!--"}"""


def values_in(packet: bytes) -> list[str | None]:
    root = ElementTree.fromstring(packet)
    return [element.text for element in root.iter(f"{{{NAMESPACE}}}record")]


def test_a_text_comes_back_as_it_went_in_whatever_it_holds() -> None:
    for packet in (None, b"", USERS):
        assert property_of(with_property(packet, HARD_TEXT) or b"") == HARD_TEXT


def test_the_packet_stays_xml_that_a_parser_reads_and_the_users_own_is_still_there() -> None:
    packet = with_property(USERS, HARD_TEXT)
    assert packet is not None
    assert values_in(packet) == [HARD_TEXT]
    assert b'dc:rights="Ada"' in packet


def test_a_new_packet_is_xml_that_a_parser_reads() -> None:
    packet = with_property(None, HARD_TEXT)
    assert packet is not None
    assert [element.text for element in ElementTree.fromstring(packet).iter(f"{{{NAMESPACE}}}record")] == [
        HARD_TEXT
    ]


def test_an_earlier_record_is_replaced_and_taking_ours_out_gives_the_users_packet_back() -> None:
    once = with_property(USERS, "first")
    twice = with_property(once, "second")
    assert twice is not None
    assert b"first" not in twice
    assert without_property(twice) == USERS


def test_a_record_that_another_program_wrote_as_an_attribute_is_found_and_replaced() -> None:
    rewritten = USERS.replace(b'dc:rights="Ada"', b'dc:rights="Ada" anyres:record="{&quot;a&quot;: 1}"')
    assert property_of(rewritten) == '{"a": 1}'
    replaced = with_property(rewritten, "new")
    assert replaced is not None
    assert property_of(replaced) == "new"
    assert b"&quot;" not in replaced


@pytest.mark.parametrize("packet", [USERS.decode().encode("utf-16"), b"<x:xmpmeta/>", b"\x89 not xml"])
def test_a_packet_that_cannot_take_it_is_left_alone(packet: bytes) -> None:
    assert with_property(packet, "record") is None


def test_text_that_is_no_utf8_is_bad_input() -> None:
    with pytest.raises(InputError, match="no UTF-8"):
        property_of(b"<anyres:record>\xff\xfe</anyres:record>")


@pytest.mark.parametrize(
    ("packet", "text"),
    [
        (b"<anyres:record>" * 200_000, None),
        (b' anyres:record="' * 200_000, " anyres:record="),
        (b"</rdf:RDF" + b" " * 3_000_000, None),
    ],
)
def test_a_hostile_packet_is_no_work(packet: bytes, text: str | None) -> None:
    assert property_of(packet) == text  # a pattern of quadratic time would not come back for minutes
    with_property(packet, "record")
