"""Base64 in pieces: what comes out is what went in, and each fault has its words."""

import base64
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dialects.analysis_base64 import NotBase64, decoded, unescaped

PHOTOGRAPH = bytes(range(256)) * 40


def in_pieces(text: bytes, sizes: list[int]) -> Iterator[bytes]:
    start = 0
    for size in sizes:
        yield text[start : start + size]
        start += size
    yield text[start:]


def fault(text: bytes, size: int = 1_000_000) -> str:
    with pytest.raises(NotBase64) as caught:
        list(decoded(in_pieces(text, [size] * (len(text) // size))))
    return str(caught.value)


@given(st.binary(max_size=300), st.lists(st.integers(0, 7), max_size=40))
def test_what_was_encoded_comes_back_however_it_is_cut(data: bytes, sizes: list[int]) -> None:
    assert b"".join(decoded(in_pieces(base64.b64encode(data), sizes))) == data


@given(st.text(st.characters(max_codepoint=0xFFFF), max_size=60), st.lists(st.integers(0, 5), max_size=40))
def test_json_escapes_are_undone_however_they_are_cut(text: str, sizes: list[int]) -> None:
    escaped = json.dumps(text)[1:-1].replace("/", "\\/")
    expected = "".join(char if char.isascii() else "?" for char in text)
    assert b"".join(unescaped(in_pieces(escaped.encode(), sizes))) == expected.encode()


@pytest.mark.parametrize(("character", "escape"), [("/", "\\/"), ("/", "\\u002f"), ("+", "\\u002B"), ("=", "\\u003d")])
@pytest.mark.parametrize("size", [1, 2, 5, 7, 4096])
def test_the_escapes_that_php_and_dotnet_write_are_read(character: str, escape: str, size: int) -> None:
    plain = base64.b64encode(PHOTOGRAPH).decode()
    assert character in plain
    text = plain.replace(character, escape).encode()
    assert b"".join(decoded(unescaped(in_pieces(text, [size] * (len(text) // size))))) == PHOTOGRAPH


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"data:image/jpeg;base64,/9j/4AAQ", "data: URI prefix"),
        (b"DATA:,AAAA", "data: URI prefix"),
        (b"AAAA\nAAAA", "a line break at character 4"),
        (b"AAAA\r\nAAAA", "a line break at character 4"),
        (b"AAAA AAAA", "white space at character 4"),
        (b"AA-_", "URL-safe alphabet, with - at character 2"),
        (b"AAAAAAA", "padding (=) is missing"),
        (b"AAAAA", "padding (=) is missing"),
        (b"AA=", "padding (=) is missing or incomplete"),
        (b"AA==AAAA", "padding (=) at character 2, before its end"),
        (b"A===", "padding (=) at character 1"),
        (b"=AAA", "padding (=) at character 0"),
        (b"====", "padding (=) at character 0"),
        (b"AAAA*AAA", "'*' at character 4"),
        (b"AAA\x00", "a character at character 3"),
        ("AAAé".encode(), "a character at character 3"),
        (b"AA\\/A", "'\\\\' at character 2"),
    ],
)
def test_each_fault_is_named_with_its_place(text: bytes, words: str) -> None:
    assert words in fault(text)


@pytest.mark.parametrize("size", [4, 8, 12])
def test_what_comes_after_the_padding_is_a_fault_in_any_piece(size: int) -> None:
    assert "padding" in fault(b"AAAAAAA=AAAA", size)
    assert "padding" in fault(b"AAAAAAA=A", size)


@given(st.text(alphabet="AB/+=", max_size=16).map(str.encode), st.integers(1, 9))
def test_a_text_is_a_fault_however_it_is_cut(text: bytes, size: int) -> None:
    def outcome(pieces: Iterator[bytes]) -> bytes | None:
        try:
            return b"".join(decoded(pieces))
        except NotBase64:
            return None

    assert outcome(in_pieces(text, [size] * (len(text) // size))) == outcome(iter([text]))
