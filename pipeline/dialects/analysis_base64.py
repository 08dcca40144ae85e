"""Base64 as RFC 4648 section 4 has it, decoded piece by piece, with words for each way in which it can be wrong."""

import binascii
import json
import re
from collections.abc import Iterable, Iterator

_ESCAPE = re.compile(rb'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])')
_FOREIGN = re.compile(rb"[^A-Za-z0-9+/=]")
_LONGEST_ESCAPE = 6


class NotBase64(ValueError):
    """The text is not base64; the message says what is wrong with it, and where."""


def unescaped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The text without its JSON escapes: PHP writes `/` as `\\/` and .NET `+` as `\\u002B`.

    A character beyond ASCII becomes `?`, and a broken escape stays: neither is base64.
    """
    rest = b""
    for piece in pieces:
        whole = rest + piece
        cut = len(whole)
        backslash = whole.rfind(b"\\", max(0, cut - _LONGEST_ESCAPE + 1))
        if backslash >= 0 and _may_go_on(whole, backslash):
            cut = backslash
        rest = whole[cut:]
        yield _plain(whole[:cut])
    if rest:
        yield rest


def decoded(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes that this base64 text stands for; raises `NotBase64` at the first thing wrong with it."""
    rest, position, is_ended = b"", 0, False
    for piece in pieces:
        whole = rest + piece
        _check_characters(whole, position)
        cut = len(whole) // 4 * 4
        data, rest = whole[:cut], whole[cut:]
        if not data:
            continue
        if is_ended:
            raise NotBase64(f"it goes on after the padding at character {position}")
        is_ended = data.endswith(b"=")
        yield _quads(data, position)
        position += cut
    if rest:
        words = "it goes on after its padding" if is_ended else "its padding (=) is missing or incomplete"
        raise NotBase64(f"{words}: the length must be a multiple of 4, and {len(rest)} characters are left over")


def _may_go_on(text: bytes, backslash: int) -> bool:
    """The escape at the end of a piece is not whole yet."""
    is_escaped = (backslash - len(text[:backslash].rstrip(b"\\"))) % 2 == 1
    return not is_escaped and not _ESCAPE.match(text, backslash)


def _plain(text: bytes) -> bytes:
    """By JSON's own reader: a regular expression takes 14 times as long for a text of nothing but escapes."""
    if b"\\" not in text:
        return text
    try:
        value: str = json.loads(f'"{text.decode("latin-1")}"')
    except ValueError:
        return text
    return value.encode("ascii", "replace")


def _check_characters(text: bytes, position: int) -> None:
    """Raises for the first character that no base64 holds."""
    if position == 0 and text[:5].lower() == b"data:":
        raise NotBase64("it begins with a data: URI prefix; send what stands after the comma")
    foreign = _FOREIGN.search(text)
    if foreign is None:
        return
    where = f"at character {position + foreign.start()}"
    if foreign[0] in b"\r\n":
        raise NotBase64(f"it holds a line break {where}; send it in one line")
    if foreign[0].isspace():
        raise NotBase64(f"it holds white space {where}")
    if foreign[0] in b"-_":
        raise NotBase64(f"it is in the URL-safe alphabet, with {foreign[0].decode()} {where}; use + and / instead")
    shown = repr(foreign[0].decode("latin-1")) if foreign[0].isascii() and foreign[0] != b"\x00" else "a character"
    raise NotBase64(f"it holds {shown} {where}, which no base64 has")


def _quads(data: bytes, position: int) -> bytes:
    try:
        return binascii.a2b_base64(data, strict_mode=True)
    except binascii.Error as error:
        padding = data.index(b"=")
        raise NotBase64(f"there is padding (=) at character {position + padding}, before its end") from error
