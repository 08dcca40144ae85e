"""Shots that belong together.

Temporally constrained agglomerative clustering: the two neighbours that are most alike are joined, and again, until no
neighbours are alike enough. Then stretches that return are found, as in a scene transition graph (Yeung and Yeo,
1998): A-B-A is A with two spans, and B.
"""

import itertools
from collections.abc import Iterable, Sequence

from pipeline.stages.analyze.sections.stretch import Stretch, merged
from pipeline.stages.analyze.tags.signature import distance

ALIKE = 0.45
"""Neighbours nearer than this are joined. Of the composed video's 17 neighbouring pairs, all of different places, the
nearest are 0.59 apart. The halves of one shot are 0.0 to 0.23 apart in 14 of its 18, and 0.39 to 0.58 in four: a fade
from black and long pans."""
THE_SAME = 0.3
"""A stretch that returns: stricter, for what lies between them speaks against it."""
RETURN_S = 120.0
"""Seconds after which the same look is another section: most scenes of films end within two minutes."""
_UNLIKE = 0.4
"""The visual distance that counts in full: cuts of the given videos are 0.24 to 0.73."""
_LOOK, _WORDS, _PEOPLE, _ACTIVITY = 0.55, 0.2, 0.15, 0.1
"""Weights. What the frames look like is always known and is the strongest; what is not known drops out."""


def grouped(shots: Sequence[Stretch]) -> list[Stretch]:
    """Sections of one or more spans, by their start; every second of the shots is in exactly one."""
    return _returning(_joined(shots))


def difference(first: Stretch, second: Stretch) -> float:
    """How little two stretches have in common, 0..1. 0.0 where one was too short to be looked at: it joins."""
    if first.kind != second.kind:
        return 1.0
    if first.look is None or second.look is None:
        return 0.0
    parts = [(_LOOK, min(1.0, distance(first.look, second.look) / _UNLIKE))]
    if first.words and second.words:
        parts.append((_WORDS, 1.0 - _common_words(first.words, second.words)))
    if first.people or second.people:
        parts.append((_PEOPLE, 1.0 - _common_people(first.people, second.people)))
    parts.append((_ACTIVITY, abs(first.activity - second.activity)))
    return sum(weight * part for weight, part in parts) / sum(weight for weight, _ in parts)


def _joined(shots: Sequence[Stretch]) -> list[Stretch]:
    stretches = list(shots)
    apart = [difference(first, second) for first, second in itertools.pairwise(stretches)]
    while apart and min(apart) < ALIKE:
        at = apart.index(min(apart))
        stretches[at : at + 2] = [merged(stretches[at], stretches[at + 1])]
        del apart[at]
        for beside in (at - 1, at):
            if 0 <= beside < len(apart):
                apart[beside] = difference(stretches[beside], stretches[beside + 1])
    return stretches


def _returning(stretches: Sequence[Stretch]) -> list[Stretch]:
    found: list[Stretch] = []
    recent: list[int] = []
    for stretch in stretches:
        recent = [index for index in recent if stretch.start_s - found[index].end_s <= RETURN_S]
        near = [(difference(found[index], stretch), index) for index in recent if _may_return(found[index], stretch)]
        apart, at = min(near, default=(1.0, -1))
        if apart < THE_SAME:
            found[at] = merged(found[at], stretch)
        else:
            recent.append(len(found))
            found.append(stretch)
    return found


def _may_return(earlier: Stretch, later: Stretch) -> bool:
    return not earlier.kind and not later.kind and earlier.look is not None and later.look is not None


def _common_words(first: dict[str, float], second: dict[str, float]) -> float:
    """Cosine of the two word vectors, 0..1."""
    dot = sum(value * second.get(word, 0.0) for word, value in first.items())
    length = _squares(first.values()) * _squares(second.values())
    return float(dot / length**0.5) if length else 0.0


def _common_people(first: frozenset[int], second: frozenset[int]) -> float:
    return len(first & second) / len(first | second)


def _squares(values: Iterable[float]) -> float:
    return sum(value * value for value in values)
