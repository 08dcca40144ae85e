"""Pictures' own values for their page: every text made safe to read, shortened and put into words."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.reports.analysis.model import AnalyzedItem
from pipeline.reports.analysis.wording import described, percent
from pipeline.reports.pictures import Picture, embedded
from pipeline.reports.words import extent, label, next_step, printable, shortened, size, type_name

_NAME_LIMIT, _TEXT_LIMIT, _TEXTS = 48, 160, 6
_MOST_TAGS, _ROWS = 10, 5


@dataclass(frozen=True, slots=True)
class TagChip:
    name: str
    probability: str
    strength: float
    """Per cent, for the line below the word."""
    is_critical: bool


@dataclass(frozen=True, slots=True)
class Reading:
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class ImageCard:
    """One picture. The first fields are those that `parts.html.j2` shows of every picture."""

    position: int
    outcome: str
    word: str
    name: str
    full_name: str
    reference: str
    source: str
    before: Picture | None
    after: Picture | None
    is_slider: bool
    duplicate_of: int | None
    duplicates: tuple[int, ...]
    error: str
    next_step: str
    where: str
    kinds: str
    """What the filters go by."""
    tags: tuple[TagChip, ...]
    people: str
    people_facts: tuple[str, ...]
    texts: tuple[Reading, ...]
    more_texts: int
    facts: str


@dataclass(frozen=True, slots=True)
class TagBar:
    """How many pictures have a tag."""

    y: int
    name: str
    count: int
    width: float
    is_critical: bool


def image_cards(items: Sequence[AnalyzedItem], job_id: str) -> list[ImageCard]:
    """One for each item, in the same order."""
    pictures = embedded([item.thumb for item in items])
    return [_card(item, picture, job_id) for item, picture in zip(items, pictures, strict=True)]


def tag_bars(items: Sequence[AnalyzedItem], *, width: int = 190, row: int = 24) -> list[tuple[TagBar, ...]]:
    """The tags that most pictures have, in columns of five."""
    found = [item.findings.tags for item in items if item.findings]
    counts = Counter(tag.name for tags in found for tag in tags)
    critical = {tag.name for tags in found for tag in tags if tag.is_critical}
    most = counts.most_common(_MOST_TAGS)
    highest = most[0][1] if most else 1
    bars = [
        TagBar(
            place % _ROWS * row, shortened(label(name), 22), count, round(count / highest * width, 1), name in critical
        )
        for place, (name, count) in enumerate(most)
    ]
    return [tuple(bars[start : start + _ROWS]) for start in range(0, len(bars), _ROWS)]


def _card(item: AnalyzedItem, picture: Picture | None, job_id: str) -> ImageCard:
    found, error = item.image_findings, item.error
    texts, people = (found.texts, found.people) if found else ((), ())
    return ImageCard(
        position=item.position,
        outcome=item.outcome.value,
        word=label(item.outcome.value),
        name=shortened(printable(item.name), _NAME_LIMIT),
        full_name=printable(item.name),
        reference="",
        source="" if item.reference == item.name else shortened(printable(item.reference or ""), _NAME_LIMIT),
        before=picture,
        after=None,
        is_slider=False,
        duplicate_of=None,
        duplicates=(),
        error=printable(error.message) if error else "",
        next_step=next_step(error, job_id) if error else "",
        where=f"{error.code}, {error.stage.value}" if error else "",
        kinds=_kinds(item, len(people), len(texts)),
        tags=_chips(item),
        people="" if not people else "1 person" if len(people) == 1 else f"{len(people)} people",
        people_facts=tuple(described(person) or "unidentified" for person in people[:6]),
        texts=tuple(
            Reading(shortened(printable(text.text), _TEXT_LIMIT), printable(text.language or ""))
            for text in texts[:_TEXTS]
        ),
        more_texts=max(0, len(texts) - _TEXTS),
        facts=_facts(item),
    )


def _kinds(item: AnalyzedItem, people: int, texts: int) -> str:
    named = (("is-critical", item.is_critical), ("has-people", people > 0), ("has-texts", texts > 0))
    return " ".join(name for name, holds in named if holds)


def _chips(item: AnalyzedItem) -> tuple[TagChip, ...]:
    tags = item.findings.tags if item.findings else ()
    ordered = sorted(tags, key=lambda tag: (not tag.is_critical, -tag.probability))
    return tuple(
        TagChip(
            label(tag.name),
            percent(tag.probability),
            round(100 * min(1.0, max(0.0, tag.probability)), 1),
            tag.is_critical,
        )
        for tag in ordered
    )


def _facts(item: AnalyzedItem) -> str:
    facts = item.image
    if facts is None:
        return ""
    return ", ".join((type_name(facts.media_type), extent(facts.width, facts.height), size(facts.bytes)))
