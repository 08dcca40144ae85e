"""Whether two readings are of the same text, and what they say together."""

import re
from collections import Counter
from difflib import SequenceMatcher

_SAME = 0.8
"""Likeness from which two readings differ by mistakes: one letter in five."""
_ANCHOR = 4
"""Letters that a text that grows or runs must have in common with what it was."""
_ANCHOR_SHARE = 0.4
_CLIPPED = 2
"""Letters at the border of what runs through a picture that are cut and misread."""
LONGEST = 2000
"""Letters of one text; a line that runs for ever begins a new one."""


def likeness(one: str, other: str) -> float:
    """0 for nothing in common, 1 for the same letters in the same order; case, spaces and marks do not count."""
    first, second = _letters(one), _letters(other)
    if not first or not second:
        return float(one == other)
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def is_same(one: str, other: str) -> bool:
    """Whether the readings differ by no more than mistakes of reading, digits aside."""
    return likeness(one, other) >= _SAME


def may_be_same(one: str, other: str) -> bool:
    """Whether the readings have enough letters in common, in any order: a tenth of the work of `is_same`."""
    first, second = _letters(one), _letters(other)
    most = 2 * min(len(first), len(second))
    return most >= _SAME * (len(first) + len(second)) and (
        2 * (Counter(first) & Counter(second)).total() >= _SAME * (len(first) + len(second))
    )


def is_counted_on(one: str, other: str) -> bool:
    """Whether the readings are the same but for their numbers: another page, price or second.

    A digit where the other has none is a mistake: 1 and I.
    """
    digits = [re.findall(r"\d", text) for text in (one, other)]
    if not all(digits) or digits[0] == digits[1] or abs(len(digits[0]) - len(digits[1])) > 1:
        return False
    first, second = (_letters(re.sub(r"\d+", "0", text)) for text in (one, other))
    return first == second or (len(first) > _ANCHOR and is_same(first, second))


def continued(so_far: str, now: str) -> str | None:
    """The text that has grown, typed or running through, from `so_far` to what `now` shows of it; None if it has not.

    `now` may have lost its beginning, and either may be cut within a letter at the border.
    """
    match = SequenceMatcher(None, so_far, now, autojunk=False).find_longest_match()
    new = now[match.b + match.size :]
    anchor = max(min(_ANCHOR, len(so_far)), _ANCHOR_SHARE * min(len(so_far), len(now)))
    is_at_end = len(so_far) - (match.a + match.size) <= _CLIPPED
    if match.size < max(2, anchor) or match.b > _CLIPPED or not is_at_end or not _letters(new):
        return None
    whole = so_far[: match.a + match.size] + new
    return whole if len(whole) <= LONGEST else None


def is_part(part: str, whole: str) -> bool:
    """Whether everything that `part` says stands in `whole`, but for a letter cut at either end."""
    inner = _letters(part)
    return len(inner) >= 2 and (inner in _letters(whole) or (len(inner) > _ANCHOR and inner[1:-1] in _letters(whole)))


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
