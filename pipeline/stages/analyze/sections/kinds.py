"""What a stretch is: each rule with its reason. A rule that needs what nobody looked for does not hold."""

from collections.abc import Callable, Sequence
from statistics import fmean, median

from pipeline.domain.analysis import Span
from pipeline.stages.analyze.sections.stretch import Stretch, shared
from pipeline.stages.analyze.tags.look import Look

LATE = 0.7
"""Share of a video after which a roll of names is taken for its credits: cast lists stand at the end."""
PLAIN = 0.6
"""Share of the frame of one tone that makes a card of it: letters cover a third at most, pictures stay below 0.58."""
LINES = 5
"""So many lines are a list of names and not a title."""
ROLLING = 1.2
"""Mean `moved` of a roll of text: standing cards stay below 0.3."""
DARK_CARD = 80.0
"""Mean luma below which a card is the dark one that credits stand on."""
STILL = 0.35
"""`moved` of a photograph held for seconds after H.264: 0.0 to 0.23; an empty room filmed by a camera: 0.2 to 0.5."""
STILL_LOOKS = 4
"""Two seconds: a shorter standstill is a pause."""
MANY = 6
"""Persons at once that make a crowd for us: more than a table or a family; the detector misses small ones beyond."""
LARGE = 0.1
"""Share of the picture of the largest person's box: a head and shoulders fill 0.15 and more, a walker 0.05."""
CALM, LIVELY = 0.5, 0.6
"""Relative activity below which somebody may be talking, and above which it is action."""
RESTLESS, RESTFUL = 0.5, 0.3
"""Median `unrest` from which the liveliest sections are action, and below which somebody who is near may be talking.
Pans over photographs have 0.05 at most, a cartoon figure that acts 0.25 to 0.4, somebody who walks past a camera 0.03
to 0.6. No film with fights or sports was at hand, so what the first one misses is not known."""


def structure_of(shot: Stretch, end_s: float) -> str:
    """`black`, `credits`, `title_card`, or nothing of these."""
    if not shot.looks:
        return ""
    if _is_black(shot):
        return "black"
    if not _is_card(shot):
        return ""
    return "credits" if _is_credits(shot, end_s) else "title_card"


def place_of(stretches: Sequence[Stretch], end_s: float) -> list[str]:
    """For each stretch `intro`, `outro` or nothing: what stands before the title, and what after the last card.

    The title is the first title card that begins within the first fifth (and 90 s); the last card is the last title
    card or credits that reach into the last 30 %. A video without such cards has neither: its first and last shots may
    as well be its matter.
    """
    title = next((one for one in stretches if one.kind == "title_card" and one.start_s <= min(90.0, end_s / 5)), None)
    cards = [one for one in stretches if one.kind in ("title_card", "credits") and one.end_s > LATE * end_s]
    places = []
    for one in stretches:
        before = title is not None and one.end_s <= title.start_s + 1e-6
        after = bool(cards) and one.start_s >= cards[-1].end_s - 1e-6
        places.append("" if one.kind else "intro" if before else "outro" if after else "")
    return places


def manner_of(stretch: Stretch, relative_activity: float) -> tuple[str, float]:
    """`still`, `crowd`, `talking_head` or `action` with the share of evidence for it, or nothing and 0.0."""
    rules: tuple[tuple[str, Callable[[Stretch, float], float]], ...] = (
        ("still", _still),
        ("crowd", _crowd),
        ("talking_head", _talking_head),
        ("action", _action),
    )
    for name, rule in rules:
        share = rule(stretch, relative_activity)
        if share > 0:
            return name, share
    return "", 0.0


def share_of(looks: Sequence[Look], holds: Callable[[Look], bool]) -> float:
    """The share of looks for which something holds, 0..1."""
    return fmean(float(holds(look)) for look in looks) if looks else 0.0


def is_black(look: Look) -> bool:
    """Nothing but black: no letters, no stars. Some cameras' black is 20 of 255, hence 32."""
    return look.dark >= 0.98 and look.spread < 6.0 and look.brightness < 28.0


def is_plain(look: Look) -> bool:
    return look.plain >= PLAIN


def _is_black(shot: Stretch) -> bool:
    return share_of(shot.looks, is_black) >= 0.8 and not shot.texts


def _is_card(shot: Stretch) -> bool:
    """Text stands on a plain ground for half of the shot, and nobody is in it."""
    written = sum(shared(shot.spans, span) for span in _union(shot))
    persons = share_of([look for look in shot.looks if look.judged], lambda look: look.persons > 0)
    return written >= 0.5 * shot.seconds and share_of(shot.looks, is_plain) >= 0.6 and persons < 0.5


def _is_credits(shot: Stretch, end_s: float) -> bool:
    lines = sum(1 + text.text.count("\n") for text in shot.texts or ())
    rolls = median([look.moved for look in shot.looks[1:]] or [0.0]) >= ROLLING
    dark = median(look.brightness for look in shot.looks) < DARK_CARD
    return shot.end_s > LATE * end_s and lines >= LINES and (rolls or dark)


def _union(shot: Stretch) -> list[Span]:
    merged: list[Span] = []
    spans = [text.span for text in shot.texts or () if text.span is not None]
    for span in sorted(spans, key=lambda one: one.start_s):
        if merged and span.start_s <= merged[-1].end_s:
            merged[-1] = Span(merged[-1].start_s, max(merged[-1].end_s, span.end_s))
        else:
            merged.append(span)
    return merged


def _still(stretch: Stretch, _: float) -> float:
    # The first look of a span is compared with the shot before.
    moves = [look.moved for span in stretch.spans for look in _inside(stretch, span)[1:]]
    share = fmean(float(moved <= STILL) for moved in moves) if len(moves) >= STILL_LOOKS - 1 else 0.0
    return share if share >= 0.9 else 0.0


def _inside(stretch: Stretch, span: Span) -> list[Look]:
    return [look for look in stretch.looks if span.start_s <= look.time_s < span.end_s]


def _crowd(stretch: Stretch, _: float) -> float:
    judged = [look for look in stretch.looks if look.judged]
    share = share_of(judged, lambda look: look.persons >= MANY)
    return share if share >= 0.5 else 0.0


def _talking_head(stretch: Stretch, relative_activity: float) -> float:
    """One or two known faces, large in the picture, that do not move about. Nobody listens whether they talk."""
    judged = [look for look in stretch.looks if look.judged]
    share = share_of(judged, lambda look: look.person_share >= LARGE and look.persons <= 2)
    calm = relative_activity <= CALM or _unrest(stretch) < RESTFUL
    return share if stretch.people and len(stretch.people) <= 2 and share >= 0.6 and calm else 0.0


def _action(stretch: Stretch, relative_activity: float) -> float:
    return relative_activity if relative_activity >= LIVELY and _unrest(stretch) >= RESTLESS else 0.0


def _unrest(stretch: Stretch) -> float:
    return median(look.unrest for look in stretch.looks) if stretch.looks else 0.0
