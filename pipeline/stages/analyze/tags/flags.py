"""When a moderation score is worth telling: the rules of the models' notes."""

from collections.abc import Mapping

from pipeline.stages.analyze.tags.calibration import FLAG_ALONE, FLAG_WITH_PERSON, calibrated

ALONE = 0.85
WITH_PERSON = 0.6
"""MODEL.md of the nudity model: at least .85 alone, or .6 together with a person; then 6 to 13 of 1000 harmless
pictures are flagged. A flag asks a human to look; it never decides."""
SUGGESTIVE = 0.9
"""The notes give no rule for this label, only that 22 of 1000 harmless pictures score above .5; here a woman behind a
bar scores .85. So it must be surer than nudity, and find somebody: without, it finds dogs and basketballs."""
OWN = 0.5
"""An operator's own model: a label is told where it is more likely than not."""


def flagged(scores: Mapping[str, float], *, person: bool) -> dict[str, float]:
    """The flags that are worth telling, with their probability. `person`: somebody is in the picture."""
    return {word: probability for word, score in scores.items() if (probability := _flag(word, score, person=person))}


def _flag(word: str, score: float, *, person: bool) -> float:
    if word == "nudity":
        told = score >= (WITH_PERSON if person else ALONE)
        return calibrated(score, FLAG_WITH_PERSON if person else FLAG_ALONE) if told else 0.0
    if word == "suggestive":
        return calibrated(score, FLAG_ALONE) if person and score >= SUGGESTIVE else 0.0
    return score if score >= OWN else 0.0
