"""The sections of a video."""

from collections.abc import Collection, Sequence

from pipeline.domain.analysis import Constellation, Section, Span, TextResult
from pipeline.stages.analyze.sections.grouping import grouped
from pipeline.stages.analyze.sections.kinds import is_black, is_plain, manner_of, place_of, share_of, structure_of
from pipeline.stages.analyze.sections.stretch import Sources, Stretch, flags_of, stretch_of
from pipeline.stages.analyze.sections.thumbnails import thumbnail_s
from pipeline.stages.analyze.tags.critical import is_critical
from pipeline.stages.analyze.tags.look import Look
from pipeline.stages.analyze.vocabulary import classifier, detector

UNNAMED = "scene"
"""The tag of a section of which nothing better is known: shots that belong together."""
NAMED = 0.5
"""Least mean probability of an object's or a place's word to name a section."""


def sections(  # one argument per finding that sections are made of
    shots: Sequence[Span],
    samples: Sequence[Look],
    activity: Sequence[float],
    activity_rate: float,
    people: Sequence[Constellation] | None,
    texts: Sequence[TextResult] | None,
    critical: Collection[str],
) -> tuple[Section, ...]:
    """Shots grouped into sections by their start; every second is in exactly one, and each says the most it can.

    Args:
        shots: contiguous, covering the video.
        samples: looks by time, as `TagWatcher` keeps them.
        activity: motion 0..1 per pair of frames, `activity_rate` pairs a second.
        people: who is seen when; None where nobody looked for faces. Then nothing is called a talking head.
        texts: what was read; None where nobody read. Then there are no cards, credits, intro or outro.
        critical: the account's list of words to be warned of.

    """
    if not shots:
        return ()
    sources = Sources(samples, activity, activity_rate, people, texts)
    end_s = shots[-1].end_s
    singles = [stretch_of(shot, sources) for shot in shots]
    found = grouped([shot.called(structure_of(shot, end_s)) for shot in singles])
    places = place_of(found, end_s)
    most = max(stretch.activity for stretch in found)
    return tuple(
        _section(stretch, place, stretch.activity / most if most else 0.0, critical)
        for stretch, place in zip(found, places, strict=True)
    )


def _section(stretch: Stretch, place: str, relative_activity: float, critical: Collection[str]) -> Section:
    tag, confidence = _tag(stretch, place, relative_activity)
    words = {word for word, probability in stretch.words.items() if probability >= NAMED}
    return Section(
        tag=tag,
        spans=stretch.spans,
        thumbnail_s=round(thumbnail_s(stretch.spans, stretch.looks), 3),
        confidence=round(confidence, 3),
        is_critical=bool(flags_of(stretch.looks)) or any(is_critical(word, critical) for word in {tag} | words),
        relative_activity=round(min(1.0, relative_activity), 3),
    )


def _tag(stretch: Stretch, place: str, relative_activity: float) -> tuple[str, float]:
    """What the section is and how much speaks for it, 0..1: a share of its looks, or a word's mean probability."""
    if stretch.kind == "black":
        return "black", share_of(stretch.looks, is_black)
    if stretch.kind:
        return stretch.kind, share_of(stretch.looks, is_plain)
    if place:
        # It follows from where the cards stand alone: right as often as not where a card is no title.
        return place, 0.5
    manner, share = manner_of(stretch, relative_activity)
    return (manner, share) if manner else _named(stretch)


def _named(stretch: Stretch) -> tuple[str, float]:
    """The most special of the words that are more likely than not, at the level at which people speak of things.

    That is a cat and no animal, for a customer looks for cats, and no Egyptian cat, for the classifier mixes up breeds:
    the names of its thousand classes count only where they have no other word.
    """
    likely = {word: probability for word, probability in stretch.words.items() if probability >= NAMED}
    plain = {word: probability for word, probability in likely.items() if word in detector().general} or likely
    general = {above for word in plain for above in classifier().above(word) | detector().above(word)}
    special = {word: probability for word, probability in plain.items() if word not in general}
    if not special:
        return UNNAMED, 0.5 if stretch.looks else 0.0
    best = max(special, key=lambda word: (special[word], word))
    return best, special[best]
