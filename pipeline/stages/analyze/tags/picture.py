"""The tags of one picture."""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import Tag
from pipeline.ports import Models
from pipeline.stages.analyze.tags.critical import is_critical
from pipeline.stages.analyze.tags.evidence import evidence_of

LEAST = 0.4
"""The lowest probability that is told: below it more words are wrong than right (0.44 of the classifier's own score;
its notes say 0.35, and there three in four were wrong here)."""


def tags_of_picture(
    pixels: NDArray[np.uint8], models: Models, *, faces: int | None, critical: Collection[str]
) -> tuple[Tag, ...]:
    """What is seen in `pixels` (H, W, 3) sRGB, most probable first; a general word is as probable as any below it.

    Args:
        faces: how many were found in the picture; None where nobody looked.
        critical: the account's list of words to be warned of.

    """
    seen = evidence_of(pixels, models, faces=faces)
    return tags_of(seen.words, seen.flags, critical)


def tags_of(words: Mapping[str, float], flags: Mapping[str, float], critical: Collection[str]) -> tuple[Tag, ...]:
    """The words that are probable enough and all flags, most probable first, then by name."""
    told = {word: probability for word, probability in words.items() if probability >= LEAST}
    tags = [Tag(word, round(probability, 3), is_critical(word, critical)) for word, probability in told.items()]
    tags = [tag for tag in tags if tag.name not in flags]
    tags += [Tag(word, round(probability, 3), is_critical=True) for word, probability in flags.items()]
    return tuple(sorted(tags, key=lambda tag: (-tag.probability, tag.name)))
