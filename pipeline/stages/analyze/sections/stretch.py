"""What is known of a shot, or of several that belong together."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import Constellation, Label, Span, TextResult
from pipeline.stages.analyze.tags.look import Look
from pipeline.stages.analyze.tags.signature import as_numbers
from pipeline.stages.analyze.tags.video import pooled

EDGE_S = 0.3
"""Looks this near to a shot's ends may hold both shots of a crossfade: left out where enough others are there."""
ENOUGH_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that was found in the video, by time. None: nobody looked for it, so nothing is said about it."""

    looks: Sequence[Look]
    activity: Sequence[float]
    activity_rate: float
    people: Sequence[Constellation] | None
    texts: Sequence[TextResult] | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Shots that follow one another or return. `look` is their mean signature; None where no frame was looked at."""

    spans: tuple[Span, ...]
    looks: tuple[Look, ...]
    look: NDArray[np.float64] | None
    typical: int
    """Looks that `look` is the mean of."""
    words: dict[str, float]
    """Mean probability over the looks that were judged; empty where none was."""
    judged: int
    seen_s: dict[int, float] | None
    """Seconds for which each person is seen."""
    texts: tuple[TextResult, ...] | None
    """What can be read while it lasts, in a stretch of several shots maybe twice."""
    activity: float
    """Mean, 0..1."""
    kind: str = ""
    """`black`, `credits` or `title_card` where its rule holds: these never join anything else."""

    @property
    def start_s(self) -> float:
        return self.spans[0].start_s

    @property
    def end_s(self) -> float:
        return self.spans[-1].end_s

    @property
    def seconds(self) -> float:
        return sum(span.seconds for span in self.spans)

    @property
    def people(self) -> frozenset[int]:
        """Who is seen for a third of it: in a dialogue of two each has half, less what is cut away to."""
        seen = self.seen_s or {}
        return frozenset(person for person, seconds in seen.items() if seconds >= self.seconds / 3)

    def called(self, kind: str) -> "Stretch":
        return replace(self, kind=kind)


def stretch_of(shot: Span, sources: Sources) -> Stretch:
    """What is known of one shot."""
    looks = tuple(_within(shot, sources.looks))
    clear = [look for look in looks if shot.start_s + EDGE_S <= look.time_s <= shot.end_s - EDGE_S]
    typical = clear if len(clear) >= ENOUGH_LOOKS else looks
    # Often the models were asked right behind the cut and nowhere else.
    judged = [look for look in clear if look.judged] or [look for look in looks if look.judged]
    return Stretch(
        spans=(shot,),
        looks=looks,
        look=np.mean([as_numbers(look.signature) for look in typical], axis=0) if looks else None,
        typical=len(typical),
        words=pooled((look.labels for look in judged), len(judged)) if judged else {},
        judged=len(judged),
        seen_s=None if sources.people is None else _people(shot, sources.people),
        texts=None if sources.texts is None else tuple(_texts(shot, sources.texts)),
        activity=_activity(shot, sources.activity, sources.activity_rate),
    )


def merged(first: Stretch, second: Stretch) -> Stretch:
    """Both as one: means of the means, so that joining a thousand shots looks at none of them again."""
    spans = (*first.spans, *second.spans)
    if first.end_s == second.start_s:
        spans = (*first.spans[:-1], Span(first.spans[-1].start_s, second.spans[0].end_s), *second.spans[1:])
    seconds = first.seconds + second.seconds
    return Stretch(
        spans=spans,
        looks=first.looks + second.looks,
        look=_mean(first, second),
        typical=first.typical + second.typical,
        words=_words(first, second),
        judged=first.judged + second.judged,
        seen_s=None
        if first.seen_s is None or second.seen_s is None
        else dict(Counter(first.seen_s) + Counter(second.seen_s)),
        texts=None if first.texts is None or second.texts is None else first.texts + second.texts,
        activity=(first.activity * first.seconds + second.activity * second.seconds) / seconds if seconds else 0.0,
        kind=first.kind,
    )


def shared(spans: Sequence[Span], other: Span) -> float:
    """Seconds that a span has in common with these."""
    return sum(span.overlap(other) for span in spans)


def flags_of(looks: Sequence[Look]) -> dict[str, float]:
    """Moderation labels that stand in two judged looks, or in the only one: one frame among many errs too often."""
    judged = [look.flags for look in looks if look.judged]
    seen: list[tuple[Label, ...]] = [flags for flags in judged if flags]
    return pooled(seen, len(seen)) if len(seen) >= min(2, max(1, len(judged))) else {}


def _mean(first: Stretch, second: Stretch) -> NDArray[np.float64] | None:
    if first.look is None or second.look is None:
        return second.look if first.look is None else first.look
    weights = first.typical, second.typical
    return np.asarray(np.average([first.look, second.look], axis=0, weights=weights), dtype=np.float64)


def _words(first: Stretch, second: Stretch) -> dict[str, float]:
    judged = first.judged + second.judged
    return {
        word: (first.words.get(word, 0.0) * first.judged + second.words.get(word, 0.0) * second.judged) / judged
        for word in first.words.keys() | second.words.keys()
    }


def _within(span: Span, looks: Sequence[Look]) -> Sequence[Look]:
    first = bisect_left(looks, span.start_s - 1e-6, key=_time)
    return looks[first : bisect_left(looks, span.end_s - 1e-6, key=_time)]


def _time(look: Look) -> float:
    return look.time_s


def _people(shot: Span, constellations: Sequence[Constellation]) -> dict[int, float]:
    seconds: dict[int, float] = {}
    at = bisect_right(constellations, shot.start_s, key=lambda one: one.span.end_s)
    while at < len(constellations) and constellations[at].span.start_s < shot.end_s:
        for presence in constellations[at].people:
            common = shot.overlap(constellations[at].span)
            seconds[presence.person_id] = seconds.get(presence.person_id, 0.0) + common
        at += 1
    return seconds


def _texts(shot: Span, texts: Sequence[TextResult]) -> Iterator[TextResult]:
    for text in texts:
        if text.span is not None and text.span.start_s < shot.end_s and text.span.end_s > shot.start_s:
            yield text


def _activity(shot: Span, activity: Sequence[float], rate: float) -> float:
    values = activity[int(shot.start_s * rate) : int(shot.end_s * rate)]
    return float(np.mean(values)) if len(values) else 0.0
