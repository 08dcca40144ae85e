"""The page's own values: every text made safe to read, shortened and put into words; the template adds nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.domain.jobs import Outcome
from pipeline.domain.media import Rendition
from pipeline.domain.quality import Criterion, QualityScore
from pipeline.reports.model import ItemReport
from pipeline.reports.pictures import Pair, Picture
from pipeline.reports.words import (
    extent,
    label,
    measured,
    next_step,
    points,
    printable,
    seconds,
    shortened,
    size,
    type_name,
)

NAME_LIMIT, TEXT_LIMIT, TITLE_LIMIT = 48, 400, 300
_SAME_SHAPE = 0.02
"""Two thumbnails whose aspect ratios differ by less lie on each other; a crop is shown side by side."""

WORDS = {
    Outcome.ENHANCED: "Enhanced",
    Outcome.APPROVED: "Approved",
    Outcome.REJECTED: "Rejected",
    Outcome.FAILED: "Failed",
    Outcome.CANCELLED: "Cancelled",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table that explains a score."""

    name: str
    sentence: str
    value: str
    target: str
    weight: str
    lost: str
    is_loss: bool
    is_met: bool
    is_guideline: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the score is what it is; `lost` plus `score` is 100."""

    score: str
    lost: str
    pass_mark: str
    weight: str
    rows: tuple[Row, ...]
    unavailable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Delivery:
    name: str
    url: str | None
    facts: str


@dataclass(frozen=True, slots=True)
class Meter:
    """The score as a line 0..100: from `before` to `score`, with the pass mark on it."""

    before: float
    score: float
    pass_mark: float

    @property
    def start(self) -> float:
        return min(self.before, self.score)

    @property
    def length(self) -> float:
        return abs(self.score - self.before)


@dataclass(frozen=True, slots=True)
class Card:
    position: int
    outcome: str
    word: str
    name: str
    full_name: str
    reference: str
    source: str
    facts: str
    before: Picture | None
    after: Picture | None
    is_slider: bool
    score: str | None
    score_before: str | None
    meter: Meter | None
    explanation: Explanation | None
    steps: tuple[Step, ...]
    left_alone: tuple[Step, ...]
    reasons: tuple[str, ...]
    error: str
    where: str
    next_step: str
    duplicate_of: int | None
    duplicates: tuple[int, ...]
    deliveries: tuple[Delivery, ...]
    timings: str


def cards(items: Sequence[ItemReport], pictures: Sequence[Pair], job_id: str) -> list[Card]:
    """One card per item, in the same order."""
    twins: dict[int, list[int]] = {}
    for item in items:
        if item.duplicate_of is not None:
            twins.setdefault(item.duplicate_of, []).append(item.position)
    return [
        _card(item, before, after, tuple(twins.get(item.position, ())), job_id)
        for item, (before, after) in zip(items, pictures, strict=True)
    ]


def _card(item: ItemReport, before: Picture | None, after: Picture | None, twins: tuple[int, ...], job_id: str) -> Card:
    first, last, error = item.score_before, item.score, item.error
    name = printable(item.name)
    is_changed = first is not None and item.score_after is not None
    return Card(
        position=item.position,
        outcome=item.outcome.value,
        word=WORDS[item.outcome],
        name=shortened(name, NAME_LIMIT),
        full_name=shortened(name, TITLE_LIMIT),
        reference=_text(item.reference or "", 80),
        source=_text(item.source, 120),
        facts=_facts(item),
        before=before,
        after=after,
        is_slider=_is_slider(before, after),
        score=points(last.score) if last else None,
        score_before=points(first.score) if first and is_changed else None,
        meter=Meter((first or last).score, last.score, last.pass_mark) if last else None,
        explanation=_explanation(last, first if is_changed else None) if last else None,
        steps=tuple(Step(label(step.name), _text(step.detail)) for step in item.steps if step.changed),
        left_alone=tuple(Step(label(step.name), _text(step.detail)) for step in item.steps if not step.changed),
        reasons=tuple(_text(reason) for reason in item.reasons),
        error=_text(error.message) if error else "",
        where=f"{error.stage} · {_text(error.code, 60)}" if error else "",
        next_step=next_step(error, job_id) if error else "",
        duplicate_of=item.duplicate_of,
        duplicates=twins,
        deliveries=tuple(_deliveries(item, job_id)),
        timings=" · ".join(f"{stage} {seconds(spent / 1000)}" for stage, spent in item.timings_ms.items()),
    )


def _text(text: str, limit: int = TEXT_LIMIT) -> str:
    return shortened(printable(text), limit)


def _is_slider(before: Picture | None, after: Picture | None) -> bool:
    if before is None or after is None:
        return False
    return abs(before.ratio / after.ratio - 1) < _SAME_SHAPE


def _facts(item: ItemReport) -> str:
    facts = item.facts
    if facts is None:
        return ""
    words = [type_name(facts.media_type), extent(facts.width, facts.height), size(facts.bytes)]
    if facts.color_space != "sRGB":
        words.append(_text(facts.color_space, 40))
    if facts.bit_depth != 8:
        words.append(f"{facts.bit_depth} bit")
    return " · ".join(words)


def _deliveries(item: ItemReport, job_id: str) -> Iterable[Delivery]:
    for each in item.renditions:
        facts = f"{type_name(each.media_type)} · {extent(each.width, each.height)} · {size(each.bytes)}"
        is_web = each.url is not None and each.url.startswith(("http://", "https://"))
        if is_web and _needs_signature(each):
            is_web, facts = False, f"{facts} · private: GET /v1/batches/{printable(job_id)} gives a fresh link"
        yield Delivery(name=_text(each.name, 40), url=each.url if is_web else None, facts=facts)


def _needs_signature(rendition: Rendition) -> bool:
    """Whether the address opens only when signed: a report holds no signature, so a link would be a dead one."""
    return "/files/" in (rendition.url or "") and not rendition.key.startswith("public/")


def _explanation(score: QualityScore, before: QualityScore | None) -> Explanation:
    earlier = {(each.origin, each.name): each for each in before.criteria} if before else {}
    ordered = sorted(score.criteria, key=lambda each: (each.met or not each.required, -each.points_lost))
    return Explanation(
        score=points(score.score),
        lost=points(sum(each.points_lost for each in score.criteria)),
        pass_mark=f"{score.pass_mark:g}",
        weight=f"{100 * sum(each.weight for each in score.criteria):.0f}",
        rows=tuple(_row(each, earlier.get((each.origin, each.name))) for each in ordered),
        unavailable=tuple(f"{label(name)}: {_text(why)}" for name, why in score.unavailable.items()),
    )


def _row(criterion: Criterion, earlier: Criterion | None) -> Row:
    value = measured(criterion.value, criterion.unit)
    came = measured(earlier.value, earlier.unit) if earlier else value
    return Row(
        name=_text(label(criterion.name), 60),
        sentence=_text(criterion.sentence),
        value=value if came == value else f"{came} → {value}",
        target=_text(criterion.target, 120),
        weight=f"{100 * criterion.weight:.3g} %",
        lost=points(criterion.points_lost),
        is_loss=criterion.points_lost > 0,
        is_met=criterion.met or not criterion.required,
        is_guideline=criterion.origin == "guideline",
    )
