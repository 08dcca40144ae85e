"""The tags of a whole video, from its looks."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from pipeline.domain.analysis import Label, Tag
from pipeline.stages.analyze.tags.look import Look
from pipeline.stages.analyze.tags.picture import tags_of

ENOUGH = 3
"""A word counts in full where it stands in three looks: a single one among hundreds is mostly a mistake."""


def video_tags(looks: Sequence[Look], *, critical: Collection[str]) -> tuple[Tag, ...]:
    """What is seen somewhere in the video, most probable first; without judged looks nothing is said.

    A word's probability is the mean of its best three looks (of all, where fewer were judged), those without it
    counting 0. So a general word stays as probable as any below it.
    """
    judged = [look for look in looks if look.judged]
    words = pooled((look.labels for look in judged), ENOUGH if len(judged) >= ENOUGH else len(judged))
    flags = pooled((look.flags for look in judged), min(2, len(judged)))
    return tags_of(words, flags, critical)


def pooled(labels: Iterable[Iterable[Label]], best: int) -> dict[str, float]:
    """Each word's mean over its `best` highest probabilities, missing ones counting 0."""
    found: dict[str, list[float]] = defaultdict(list)
    for listed in labels:
        for label in listed:
            found[label.name].append(label.probability)
    return {word: sum(sorted(seen, reverse=True)[:best]) / best for word, seen in found.items()}
