"""A form with a file and small fields: in any order, in any pieces, and never more than it may be."""

from collections.abc import Iterator

import pytest

from pipeline.access.forms import FIELD_BYTES, MAX_PARTS, FileForm
from pipeline.errors import InvalidRequest

BOUNDARY = "----darkroom"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
FILE = bytes(range(256)) * 20 + b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n"


def part(name: str, data: bytes, filename: str | None = None) -> bytes:
    more = "" if filename is None else f'; filename="{filename}"'
    return f'Content-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + data


def a_form(*parts: bytes, end: bool = True) -> bytes:
    mark = b"--" + BOUNDARY.encode()
    return b"".join(mark + b"\r\n" + each + b"\r\n" for each in parts) + (mark + b"--\r\n" if end else b"")


def in_pieces(body: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def reading(body: bytes, size: int = 65536, content_type: str = TYPE) -> FileForm:
    return FileForm(content_type, in_pieces(body, size), with_fields=True)


def refusal(body: bytes, content_type: str = TYPE) -> dict[str, list[str]]:
    with pytest.raises(InvalidRequest) as caught:
        b"".join(reading(body, content_type=content_type))
    return caught.value.fields


@pytest.mark.parametrize("size", [1, 7, 64, 65536])
@pytest.mark.parametrize("fields_first", [True, False])
def test_fields_may_stand_before_or_after_the_file(size: int, fields_first: bool) -> None:
    fields = [part("webhook[url]", b"https://a.example"), part("webhook[secret]", b"s\r\nt")]
    file = [part("file", FILE, "film.mp4")]
    form = reading(a_form(*(fields + file if fields_first else file + fields)), size)
    assert b"".join(form) == FILE
    assert form.fields == {"webhook[url]": b"https://a.example", "webhook[secret]": b"s\r\nt"}
    assert form.name == "film.mp4"


def test_the_file_is_read_as_it_is_asked_for() -> None:
    fed = 0

    def body() -> Iterator[bytes]:
        nonlocal fed
        for piece in in_pieces(a_form(part("file", bytes(1_000_000))), 1000):
            fed += 1
            yield piece

    form = FileForm(TYPE, body(), with_fields=True)
    next(iter(form))
    assert fed <= 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (a_form(part("webhook", b"{}")), "holds no file"),
        (a_form(part("video", b"x", "a.mp4")), "holds no file"),
        (a_form(part("file", b"x"), part("file", b"y")), "more than the one file"),
        (a_form(part("file", b"x"), end=False), "broke off"),
        (a_form(part("file", b"x"))[:-20], "broke off"),
        (b"no form at all", "not valid"),
        (b"\r\n" * 100_000, "does not begin"),
        (b"", "holds no file"),
    ],
)
def test_a_form_that_is_wrong_is_refused_in_words(body: bytes, words: str) -> None:
    assert words in refusal(body)["file"][0]


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "multipart/form-data", "multipart/form-data; boundary=" + "b" * 300]
)
def test_a_type_that_is_no_form_is_refused(content_type: str) -> None:
    assert "file" in refusal(a_form(part("file", b"x")), content_type)


def test_fields_are_small_few_and_different() -> None:
    assert "larger than" in refusal(a_form(part("webhook", bytes(FIELD_BYTES + 1)), part("file", b"x")))["webhook"][0]
    assert "twice" in refusal(a_form(part("webhook", b"1"), part("webhook", b"2"), part("file", b"x")))["webhook"][0]
    many = [part(f"field{number}", b"") for number in range(MAX_PARTS)]
    assert "more than 16 parts" in refusal(a_form(*many, part("file", b"x")))["file"][0]
