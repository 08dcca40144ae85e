"""A video's container is told by its content, and nothing that is no video passes for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import EmptyMedia, UnsupportedType
from pipeline.media.video.container import HEAD_BYTES, identify


def ts(length: int, offset: int) -> bytes:
    return (bytes(offset) + b"G" + bytes(length - offset - 1)) * 5


@pytest.mark.parametrize(
    ("head", "media_type", "demuxer"),
    [
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00", "video/mp4", "mov"),
        (b"\x00\x00\x00\x14ftypM4V \x00\x00\x02\x00", "video/mp4", "mov"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00", "video/quicktime", "mov"),
        (b"\x00\x00\x00\x14ftyp3gp5\x00\x00\x02\x00", "video/3gpp", "mov"),
        (b"\x00\x00\x10\x00moov\x00\x00\x00\x6cmvhd", "video/quicktime", "mov"),
        (b"\x00\x00\x00\x08wide\x00\x01\x00\x00mdat", "video/quicktime", "mov"),
        (b"\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x01\x00\x00", "video/quicktime", "mov"),
        (b"\x00\x00\x00\x18stypmsdh\x00\x00\x00\x00", "video/mp4", "mov"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "video/webm", "matroska"),
        (b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska", "video/x-matroska", "matroska"),
        (b"RIFF\x00\x00\x10\x00AVI LIST", "video/x-msvideo", "avi"),
        (ts(188, 0), "video/mp2t", "mpegts"),
        (ts(192, 4), "video/mp2t", "mpegts"),
        (ts(204, 0), "video/mp2t", "mpegts"),
        (b"\x00\x00\x01\xba\x44\x00\x04\x00", "video/mpeg", "mpeg"),
        (b"FLV\x01\x05\x00\x00\x00\x09", "video/x-flv", "flv"),
        (b"OggS\x00\x02\x00\x00", "video/ogg", "ogg"),
        (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c0000"), "video/x-ms-wmv", "asf"),
    ],
)
def test_a_container_is_known_by_its_first_bytes(head: bytes, media_type: str, demuxer: str) -> None:
    found = identify(head)
    assert (found.media_type, found.demuxer) == (media_type, demuxer)


@pytest.mark.parametrize(
    "head",
    [
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a\x01\x00\x01\x00" + bytes(1000),
        b"RIFF\x00\x00\x10\x00WEBPVP8 ",
        b"RIFF\x00\x00\x10\x00WAVEfmt ",
        b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00",
        b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00",
        b"\x00\x00\x00\x0cjP  \r\n\x87\n",
        b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84\x00\x00\x00\x00",
        b"#EXTM3U\n#EXT-X-VERSION:3\nhttp://127.0.0.1/segment.ts\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011">',
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n",
        b"ID3\x03\x00\x00\x00\x00\x00\x00",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"%PDF-1.7\n",
        b"hello",
        b"\x00",
    ],
)
def test_pictures_sound_text_and_playlists_are_no_video(head: bytes) -> None:
    with pytest.raises(UnsupportedType, match="not an MP4"):
        identify(head)


def test_no_bytes_at_all_are_an_empty_file() -> None:
    with pytest.raises(EmptyMedia):
        identify(b"")


def test_one_sync_byte_makes_no_transport_stream() -> None:
    with pytest.raises(UnsupportedType):
        identify(b"G" + bytes(HEAD_BYTES - 1))


@given(st.binary(min_size=1, max_size=64))
def test_any_bytes_are_a_known_container_or_refused(head: bytes) -> None:
    try:
        demuxer = identify(head).demuxer
    except UnsupportedType:
        return
    assert demuxer in {"mov", "matroska", "avi", "mpegts", "mpeg", "flv", "ogg", "asf"}
