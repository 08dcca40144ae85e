"""The one file of a multipart form, handed on in chunks while it is still coming."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from pipeline.errors import InvalidRequest

FIELD = "file"
OVERHEAD = 64 * 1024
"""What a form may hold besides the file: boundaries, headers, a preamble."""
HAND_OVER_S = 120.0
"""Longer than any single wait for a chunk may last: a guard against waiting for a loop that has stopped."""


class FileForm:
    """Reads a body as a form with exactly one part, the file. Iterate over it from another thread."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not boundary:
            raise _wrong("Send a multipart/form-data form with one file in the field `file`.")
        self.name = ""
        self._body = body
        self._loop = asyncio.get_running_loop()
        self._ready: deque[bytes] = deque()
        self._parts = 0
        self._opened = self._complete = False
        self._header = b""
        self._headers: dict[bytes, bytes] = {}
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": lambda data, start, end: self._add_name(data[start:end]),
                    "on_header_value": lambda data, start, end: self._add_value(data[start:end]),
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._open_part,
                    "on_part_data": lambda data, start, end: self._ready.append(data[start:end]),
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise _wrong("The form's boundary is too long.") from error

    async def open(self) -> str:
        """The file's name as it was sent, once its part has begun."""
        while not self._opened:
            if not await self._feed():
                raise _wrong("The form holds no file: send one in the field `file`.")
        return self.name

    async def next_chunk(self) -> bytes | None:
        """The next bytes of the file; None when the form has ended as it should."""
        while not self._ready:
            if not await self._feed():
                if not self._complete:
                    raise _wrong("The form broke off before its end.")
                return None
        return self._ready.popleft()

    def __iter__(self) -> Iterator[bytes]:
        """For a thread that is not the loop's: each chunk is asked for when it is needed, so nothing piles up."""
        while True:
            waiting = asyncio.run_coroutine_threadsafe(self.next_chunk(), self._loop)
            chunk = waiting.result(HAND_OVER_S)
            if chunk is None:
                return
            yield chunk

    async def _feed(self) -> bool:
        chunk = await anext(self._body, None)
        if chunk is None:
            return False
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _wrong("The form is not valid multipart/form-data.") from error
        return True

    def _begin_part(self) -> None:
        self._parts += 1
        self._headers = {}
        if self._parts > 1:
            raise _wrong("The form holds more than the one file: send each file in a request of its own.")

    def _add_name(self, data: bytes) -> None:
        self._header += data.lower()

    def _add_value(self, data: bytes) -> None:
        self._headers[self._header] = self._headers.get(self._header, b"") + data

    def _end_header(self) -> None:
        self._header = b""

    def _open_part(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if options.get(b"name") != FIELD.encode():
            raise _wrong("Send the file in the form field `file`.")
        self.name = options.get(b"filename", b"").decode(errors="replace")
        self._opened = True

    def _end(self) -> None:
        self._complete = True


def _wrong(sentence: str) -> InvalidRequest:
    return InvalidRequest({FIELD: [sentence]})
