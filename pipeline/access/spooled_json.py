"""JSON with strings as long as files: they lie in a file of their own, and the parser sees what is left.

A batch of images in base64 is a few hundred bytes of JSON around very long strings. Each of these is replaced by a mark
while the body comes, so that no more than a chunk of it is ever in memory; the rest is small and takes the same strict
parser as every other body.
"""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pipeline.access.bodies import JSON_BYTES
from pipeline.errors import InvalidRequest, RequestTooLarge

LONG = 16 * 1024
"""Bytes from which on a string is long: several times the longest text that any field may hold."""
MARK_CHARS = 5000
"""Longer than any field's text (4096): a long string where none belongs is refused by that field's own limit."""
READ_BYTES = 768 * 1024
_CONTROLS = bytes(range(0x20))


@dataclass(frozen=True, slots=True)
class SpooledJson:
    """`text` is JSON with marks in place of long strings."""

    text: bytes
    _spool: BinaryIO
    _spans: dict[str, tuple[int, int]]

    def pieces(self, value: str) -> Iterator[bytes]:
        """The string that this parsed value stands for, in pieces; a long one with its JSON escapes as they came."""
        span = self._spans.get(value)
        if span is None:
            yield value.encode()
            return
        start, end = span
        self._spool.seek(start)
        while start < end:
            piece = self._spool.read(min(READ_BYTES, end - start))
            start += len(piece)
            yield piece

    def is_long(self, value: str) -> bool:
        return value in self._spans


def spool_json(chunks: Iterable[bytes], spool: BinaryIO) -> SpooledJson:
    """The whole body; raises `RequestTooLarge` where more than `JSON_BYTES` of it are no long strings."""
    reader = _Reader(spool)
    for chunk in chunks:
        reader.feed(chunk)
    return reader.end()


class _Reader:
    """Knows of JSON only where strings begin and end: all else is for the parser to judge."""

    def __init__(self, spool: BinaryIO) -> None:
        self._spool = spool
        self._nonce = secrets.token_hex(16)
        self._text = bytearray()
        self._spans: dict[str, tuple[int, int]] = {}
        self._string: bytearray | None = None
        """What has come of the string that is open, without its quotes; None outside of one."""
        self._spooled_from: int | None = None
        self._escaped = False
        """The last byte was a backslash that the next one belongs to."""

    def feed(self, chunk: bytes) -> None:
        position = 0
        while position < len(chunk):
            position = self._outside(chunk, position) if self._string is None else self._inside(chunk, position)
        if len(self._text) > JSON_BYTES:
            raise RequestTooLarge(f"The request body without its images is larger than {JSON_BYTES} bytes.")

    def end(self) -> SpooledJson:
        """A string that is still open stays so: the parser has the words for it."""
        if self._string is not None:
            self._text += b'"' + (self._string if self._spooled_from is None else b"")
        self._spool.flush()
        return SpooledJson(bytes(self._text), self._spool, self._spans)

    def _outside(self, chunk: bytes, position: int) -> int:
        quote = chunk.find(b'"', position)
        if quote < 0:
            self._text += chunk[position:]
            return len(chunk)
        self._text += chunk[position:quote]
        self._string = bytearray()
        return quote + 1

    def _inside(self, chunk: bytes, position: int) -> int:
        quote = self._closing_quote(chunk, position)
        self._add(chunk[position : len(chunk) if quote is None else quote])
        if quote is None:
            return len(chunk)
        self._close()
        return quote + 1

    def _closing_quote(self, chunk: bytes, position: int) -> int | None:
        """Where the string ends in this chunk; an odd number of backslashes before a quote makes it a part of it."""
        position += self._escaped
        self._escaped = False
        while True:
            quote = chunk.find(b'"', position)
            end = len(chunk) if quote < 0 else quote
            backslashes = end - position - len(chunk[position:end].rstrip(b"\\")) if end > position else 0
            if quote < 0:
                self._escaped = backslashes % 2 == 1
                return None
            if backslashes % 2 == 0:
                return quote
            position = quote + 1

    def _add(self, data: bytes) -> None:
        assert self._string is not None  # noqa: S101  (called within a string only)
        if self._spooled_from is None:
            self._string += data
            if len(self._string) <= LONG:
                return
            self._spooled_from = self._spool.tell()
            data = bytes(self._string)
        if len(data.translate(None, _CONTROLS)) < len(data):
            words = "a string holds a control character, such as a line break, that is not escaped"
            raise InvalidRequest({"body": [f"The body is not valid JSON: {words}."]})
        self._spool.write(data)

    def _close(self) -> None:
        assert self._string is not None  # noqa: S101  (called within a string only)
        if self._spooled_from is None:
            self._text += b'"' + self._string + b'"'
        else:
            mark = f"{self._nonce}-{len(self._spans)}".ljust(MARK_CHARS, ".")
            self._spans[mark] = (self._spooled_from, self._spool.tell())
            self._text += b'"' + mark.encode() + b'"'
        self._string, self._spooled_from = None, None
