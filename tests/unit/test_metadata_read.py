"""What is read of the metadata inside a file, and what is left of it when it is broken or hostile."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from pipeline.domain.media import MediaFacts, MediaLimits
from pipeline.media.tiff_tags import first_directory
from pipeline.stages.validate import validate


def a_jpeg(exif: Image.Exif | None = None) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(stream, "JPEG", exif=exif or b"")
    return stream.getvalue()


def an_exif(entries: dict[int, object], details: dict[int, object] | None = None) -> Image.Exif:
    exif = Image.Exif()
    exif.update(entries)
    exif.get_ifd(0x8769).update(details or {})
    return exif


def with_segment(jpeg: bytes, marker: int, body: bytes) -> bytes:
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def facts_of(data: bytes) -> MediaFacts:
    return validate(data, MediaLimits(), sha256="0" * 64).facts


def test_exif_tells_who_took_the_picture_when_and_with_what() -> None:
    exif = an_exif(
        {0x010F: "Canon", 0x0110: "Canon EOS 5D", 0x013B: "Zoë Ångström".encode(), 0x8298: "© 2024\x07 Zoë".encode()},
        {0x9003: "2024:02:29 13:14:15", 0x9011: "+02:00"},
    )
    facts = facts_of(a_jpeg(exif))
    assert facts.captured_at == "2024-02-29T13:14:15+02:00"
    assert (facts.camera, facts.creator, facts.copyright) == ("Canon EOS 5D", "Zoë Ångström", "© 2024 Zoë")


@pytest.mark.parametrize("written", ["0000:00:00 00:00:00", "2024:13:45 99:00:00", "yesterday", "2024-02-29"])
def test_a_moment_that_does_not_exist_is_absent(written: str) -> None:
    exif = an_exif({}, {0x9003: written})
    assert facts_of(a_jpeg(exif)).captured_at is None


def test_texts_are_one_clean_line_of_at_most_500_characters() -> None:
    exif = an_exif({0x013B: ("A\u202eB\r\n\x1b[31m" + "x" * 3000).encode()})
    creator = facts_of(a_jpeg(exif)).creator
    assert creator is not None
    assert len(creator) == 500
    assert creator.startswith("A B [31mx")


@pytest.mark.parametrize(("degrees", "expected"), [((52.0, 31.0, 12.0), True), (None, False)])
def test_a_position_is_noticed_and_a_missing_fix_is_not_one(
    degrees: tuple[float, float, float] | None, expected: bool
) -> None:
    exif = an_exif({0x010F: "Maker"})
    if degrees:
        exif.get_ifd(0x8825).update({1: "N", 2: degrees, 3: "E", 4: degrees})
    assert facts_of(a_jpeg(exif)).has_gps is expected


def test_iptc_names_creator_and_copyright_where_exif_does_not() -> None:
    records = b"".join(
        b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text
        for number, text in ((80, b"Ann"), (80, b"Bob"), (116, b"(c) Agency"))
    )
    block = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + struct.pack(">I", len(records)) + records
    facts = facts_of(with_segment(a_jpeg(), 0xED, block))
    assert (facts.creator, facts.copyright) == ("Ann, Bob", "(c) Agency")


def test_xmp_names_creator_and_copyright_where_nothing_else_does() -> None:
    xmp = (
        b"http://ns.adobe.com/xap/1.0/\x00<rdf:RDF>"
        b"<dc:creator><rdf:Seq><rdf:li>Ann &amp; Bob</rdf:li></rdf:Seq></dc:creator>"
        b"<dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>All rights reserved</rdf:li></rdf:Alt></dc:rights></rdf:RDF>"
    )
    facts = facts_of(with_segment(a_jpeg(), 0xE1, xmp))
    assert (facts.creator, facts.copyright) == ("Ann & Bob", "All rights reserved")


def test_tags_that_all_claim_the_whole_file_cost_nothing() -> None:
    entries = b"".join(struct.pack("<HHII", 1000 + i, 1, 4_000_000, 0) for i in range(1000))
    data = b"II\x2a\x00\x08\x00\x00\x00" + struct.pack("<H", 1000) + entries + b"\x00" * 4_000_000
    directory = first_directory(data)
    assert directory is not None
    assert len(directory.tags) == 1000
    assert directory.raw(1500, at_most=4) == b"II\x2a\x00"


@pytest.mark.parametrize("offset", [0, 7, 2**31, 2**32 - 1])
def test_a_directory_outside_the_data_is_none(offset: int) -> None:
    assert first_directory(b"II\x2a\x00" + struct.pack("<I", offset) + b"\x00" * 40) is None
