"""Conditional and partial requests for objects that never change (RFC 9110, sections 13 and 14)."""

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"bytes[ \t]*=[ \t]*(\d{0,18})[ \t]*-[ \t]*(\d{0,18})[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from `start` up to, not including, `end`."""

    start: int
    end: int


class Unsatisfiable(Exception):
    """No byte of the object lies in the range."""


def wanted_span(header: str | None, size: int) -> Span | None:
    """The range that was asked for, or None for the whole: also for several ranges and for what is no range at all.

    Raises `Unsatisfiable` for a range that begins behind the end.
    """
    found = None if header is None else _ONE_RANGE.fullmatch(header)
    if found is None or found.group(1) == found.group(2) == "":
        return None
    first, last = found.groups()
    if first == "":
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), size if last == "" else int(last) + 1
        if last != "" and end <= start:
            return None
    if start >= size:
        raise Unsatisfiable
    return Span(start, min(end, size))


def names_tag(header: str | None, etag: str) -> bool:
    """True when an `If-None-Match` header holds this tag; weak comparison, as the RFC has it there."""
    if header is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return etag in tags or "*" in tags
