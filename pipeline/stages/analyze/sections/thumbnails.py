"""The frame that stands for a section."""

from collections.abc import Sequence

from pipeline.domain.analysis import Span
from pipeline.stages.analyze.tags.look import Look

FROM_CUT_S = 0.25
"""A frame nearer to a cut may be half of a crossfade, or the previous shot to a player that seeks by key frames."""


def thumbnail_s(spans: Sequence[Span], looks: Sequence[Look]) -> float:
    """The time of the sharpest well-exposed frame with open composition, in seconds; the middle where none was seen."""
    if not looks:
        return (spans[0].start_s + spans[0].end_s) / 2
    sharpest = max(look.sharpness for look in looks) or 1.0
    return max(looks, key=lambda look: (_is_clear(look, spans), _worth(look, sharpest), -look.time_s)).time_s


def _is_clear(look: Look, spans: Sequence[Span]) -> bool:
    return any(span.start_s + FROM_CUT_S <= look.time_s <= span.end_s - FROM_CUT_S for span in spans)


def _worth(look: Look, sharpest: float) -> float:
    # A product: what is blurred or dark cannot be made up for. Composition is taste and at most halves it.
    return (look.sharpness / sharpest) * look.exposure * (0.5 + 0.5 * look.openness)
