"""Values as words: what every format needs to show names, numbers and times to a person."""

import math
import unicodedata
from datetime import UTC, datetime

from pipeline.domain.jobs import ItemError, Stage

_BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}
"""Characters that change the direction of what follows: `photo<RLO>gpj.exe` must not read as `photoexe.jpg`."""


def printable(text: str) -> str:
    """The text on one line, with control, direction and surrogate characters replaced by U+FFFD."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\t\n\r":
        return " "
    if ord(character) in _BIDI or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return "\N{REPLACEMENT CHARACTER}"
    return character


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters, cut in the middle so that a file name keeps its ending."""
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - tail - 1]}\N{HORIZONTAL ELLIPSIS}{text[-tail:]}"


def label(name: str) -> str:
    """`white_balance` as "White balance"."""
    words = printable(name).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def measured(value: float | str, unit: str = "") -> str:
    """A criterion's value with three significant digits and its unit."""
    if isinstance(value, str):
        return printable(value)
    if not math.isfinite(value):
        return "not a number"
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    gap = "" if unit in ("", "°", "%") else "\N{NO-BREAK SPACE}"
    return f"{digits}{gap}{printable(unit)}"


def points(value: float) -> str:
    """Points and scores in tenths, as they add up."""
    return f"{value:.1f}"


def seconds(value: float) -> str:
    """A duration in the unit a person would use."""
    if value < 1:
        return f"{value * 1000:.0f}\N{NO-BREAK SPACE}ms"
    if value < 120:
        return f"{value:.1f}\N{NO-BREAK SPACE}s"
    minutes = round(value / 60)
    return f"{minutes}\N{NO-BREAK SPACE}min" if minutes < 120 else f"{value / 3600:.1f}\N{NO-BREAK SPACE}h"


def timecode(value: float, *, tenths: bool = False) -> str:
    """A place in a video, e.g. "1:05", "1:02:05" or with tenths "1:05.3"; rounded down, as players show it."""
    whole = max(0, math.floor(value * 10 + 1e-6)) if math.isfinite(value) else 0
    minutes, rest = divmod(whole // 10, 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
    return f"{clock}.{whole % 10}" if tenths else clock


def size(count: int) -> str:
    """Bytes in decimal kB and MB."""
    kilobytes = f"{max(1, round(count / 1000)) if count else 0}\N{NO-BREAK SPACE}kB"
    return kilobytes if count < 1_000_000 else f"{count / 1e6:.1f}\N{NO-BREAK SPACE}MB"


def extent(width: int, height: int) -> str:
    """Width and height of a picture."""
    return f"{width} \N{MULTIPLICATION SIGN} {height}"


def moment(at: datetime) -> str:
    """A time in UTC, e.g. "24 Nov 2026, 10:02 UTC"."""
    utc = at.astimezone(UTC)
    return f"{utc.day} {utc:%b %Y, %H:%M} UTC"


def timestamp(at: datetime | None) -> str | None:
    """RFC 3339 in UTC with microseconds, as the API has it."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}" if at else None


def type_name(media_type: str) -> str:
    """`image/jpeg` as "JPEG"."""
    return printable(media_type).rpartition("/")[2].upper()


def next_step(error: ItemError, job_id: str) -> str:
    """What the customer should do about a failed picture."""
    if error.retryable:
        return f"Try it again: darkroom jobs retry {printable(job_id)} --failed repeats only what failed."
    if error.stage is Stage.DOWNLOAD:
        return "Trying again will not help: correct the address, or upload the file itself."
    return "Trying again will not help: mend the file and send it in a new batch."
