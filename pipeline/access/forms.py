"""A form with one large file and maybe a few small fields, read in a thread while it is still coming."""

from collections import deque
from collections.abc import Iterable, Iterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from pipeline.errors import InvalidRequest

MAX_PARTS = 16
FIELD_BYTES = 16 * 1024
"""A webhook's URL and secret are at most 4.6 kB; this is room for their JSON."""
OVERHEAD = 64 * 1024
"""What a form may hold besides the file and its fields: boundaries, headers, a preamble."""
FIELDS_OVERHEAD = OVERHEAD + MAX_PARTS * FIELD_BYTES
"""The same of a form that has fields."""
PREAMBLE_BYTES = 64 * 1024
_ONE_FILE = "The form holds more than the one file: send each file in a request of its own."


class FileForm:
    """Iterate over the file's bytes; then `fields` holds every other part by its name, wherever it stood.

    `file_field` names the part that is the file; it must be there exactly once, and alone where `with_fields` is False.
    """

    def __init__(
        self, content_type: str, chunks: Iterable[bytes], *, file_field: str = "file", with_fields: bool = False
    ) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        self.fields: dict[str, bytes] = {}
        self.name = ""
        self._file_field, self._most_parts = file_field, MAX_PARTS if with_fields else 1
        if kind != b"multipart/form-data" or not boundary:
            raise self._wrong(f"Send a multipart/form-data form with one file in the field `{file_field}`.")
        self._chunks = iter(chunks)
        self._ready: deque[bytes] = deque()
        self._headers: dict[bytes, bytes] = {}
        self._header = b""
        self._part: str | None = None
        self._parts = self._before = 0
        self._has_file = self._complete = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": lambda data, start, end: self._add_name(data[start:end]),
                    "on_header_value": lambda data, start, end: self._add_value(data[start:end]),
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._open_part,
                    "on_part_data": lambda data, start, end: self._add_data(data[start:end]),
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise self._wrong("The form's boundary is too long.") from error

    def open(self) -> None:
        """The file's part has begun, or the form has ended without one: then it is wrong."""
        while not self._has_file:
            if not self._feed():
                raise self._wrong(f"The form holds no file: send one in the field `{self._file_field}`.")

    def __iter__(self) -> Iterator[bytes]:
        """The file; when it ends, the whole form has been read and was as it should be."""
        self.open()
        while True:
            while self._ready:
                yield self._ready.popleft()
            if not self._feed():
                break
        if not self._complete:
            raise self._wrong("The form broke off before its end.")

    def _feed(self) -> bool:
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        if not self._parts:
            self._before += len(chunk)
            if self._before > PREAMBLE_BYTES + len(chunk):
                raise self._wrong("The form does not begin with its boundary.")
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise self._wrong("The form is not valid multipart/form-data.") from error
        return True

    def _begin_part(self) -> None:
        self._parts += 1
        self._headers, self._header = {}, b""
        if self._parts > self._most_parts:
            raise self._wrong(_ONE_FILE if self._most_parts == 1 else f"The form holds more than {MAX_PARTS} parts.")

    def _add_name(self, data: bytes) -> None:
        self._header += data.lower()

    def _add_value(self, data: bytes) -> None:
        self._headers[self._header] = self._headers.get(self._header, b"") + data

    def _end_header(self) -> None:
        self._header = b""

    def _open_part(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode(errors="replace")
        if name == self._file_field:
            if self._has_file:
                raise self._wrong(_ONE_FILE)
            self.name, self._has_file, self._part = options.get(b"filename", b"").decode(errors="replace"), True, None
            return
        if self._most_parts == 1:
            raise self._wrong(f"Send the file in the form field `{self._file_field}`.")
        if name in self.fields:
            raise InvalidRequest({name: [f"The form holds the field {name} twice."]})
        self.fields[name] = b""
        self._part = name

    def _add_data(self, data: bytes) -> None:
        if self._part is None:
            self._ready.append(data)
            return
        whole = self.fields[self._part] + data
        if len(whole) > FIELD_BYTES:
            raise InvalidRequest({self._part: [f"The {self._part} field is larger than {FIELD_BYTES} bytes."]})
        self.fields[self._part] = whole

    def _end(self) -> None:
        self._complete = True

    def _wrong(self, sentence: str) -> InvalidRequest:
        return InvalidRequest({self._file_field: [sentence]})
