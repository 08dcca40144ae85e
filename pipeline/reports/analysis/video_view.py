"""A video's own values for its page: every text made safe to read, shortened and put into words."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.domain.analysis import Section, Span, TextResult, VideoFindings
from pipeline.domain.media import Rendition
from pipeline.reports.analysis.lanes import period, section_tones
from pipeline.reports.analysis.model import AnalyzedItem
from pipeline.reports.analysis.presence import Present, seen_in, spans_of
from pipeline.reports.analysis.timeline import Timeline, timeline
from pipeline.reports.analysis.wording import described, percent, person_name, video_words
from pipeline.reports.page import is_web
from pipeline.reports.pictures import Picture, embedded
from pipeline.reports.words import extent, label, printable, seconds, shortened, size, timecode, type_name

FIRST_SHOTS = 60
"""Shown at once; the others open with a click."""
_TEXT_LIMIT, _NAME_LIMIT, _MANY = 300, 60, 12


@dataclass(frozen=True, slots=True)
class ShotCard:
    number: int
    start_s: float
    period: str
    picture: Picture | None
    section: str
    people: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SectionCard:
    number: int
    name: str
    tone: str
    is_critical: bool
    periods: str
    facts: str
    activity: float
    picture: Picture | None
    clip: str | None
    spans: str


@dataclass(frozen=True, slots=True)
class PersonRow:
    name: str
    facts: str
    seen: str
    periods: str
    spans: str


@dataclass(frozen=True, slots=True)
class TextRow:
    text: str
    period: str
    language: str
    confidence: str
    spans: str


@dataclass(frozen=True, slots=True)
class TagRow:
    name: str
    probability: str
    width: float
    is_critical: bool


@dataclass(frozen=True, slots=True)
class FileRow:
    name: str
    url: str | None
    facts: str


@dataclass(frozen=True, slots=True)
class Film:
    """One video."""

    position: int
    name: str
    full_name: str
    reference: str
    facts: str
    seconds: float
    step: float
    drawing: Timeline
    shots: tuple[ShotCard, ...]
    more_shots: tuple[ShotCard, ...]
    sections: tuple[SectionCard, ...]
    people: tuple[PersonRow, ...]
    texts: tuple[TextRow, ...]
    tags: tuple[TagRow, ...]
    files: tuple[FileRow, ...]
    notes: tuple[str, ...]


def film(item: AnalyzedItem, found: VideoFindings) -> Film:
    """Everything that the page says of this video."""
    pictures = embedded([item.shot_thumbs.get(index) for index in range(len(found.shots))])
    cards = [_shot_card(found, index, picture) for index, picture in enumerate(pictures)]
    tones = section_tones(found.sections)
    urls = {each.name: each.url for each in item.renditions if is_web(each.url)}
    return Film(
        position=item.position,
        name=shortened(printable(item.name), _NAME_LIMIT),
        full_name=printable(item.name),
        reference=shortened(printable(item.reference or ""), _NAME_LIMIT),
        facts=video_words(item.video) if item.video else "",
        seconds=round(max(found.duration_s, 0.001), 3),
        step=round(max(found.duration_s / 1000, 0.001), 3),
        drawing=timeline(found, item.shot_thumbs),
        shots=tuple(cards[:FIRST_SHOTS]),
        more_shots=tuple(cards[FIRST_SHOTS:]),
        sections=tuple(
            _section_card(place, each, found, pictures, tones[each.tag], urls.get(f"clip_{place:02d}"))
            for place, each in enumerate(found.sections, 1)
        ),
        people=tuple(_people(found)),
        texts=tuple(_text_row(text) for text in sorted(found.texts, key=_begins)),
        tags=tuple(
            TagRow(label(tag.name), percent(tag.probability), round(100 * tag.probability, 1), tag.is_critical)
            for tag in found.tags
        ),
        files=tuple(_file(each) for each in item.renditions if not each.name.startswith(("shot_", "clip_"))),
        notes=tuple(printable(note) for note in found.notes),
    )


def _shot_card(found: VideoFindings, index: int, picture: Picture | None) -> ShotCard:
    shot = found.shots[index]
    present = seen_in(found, shot)
    return ShotCard(
        number=index + 1,
        start_s=round(shot.start_s, 3),
        period=period(shot),
        picture=picture,
        section=", ".join(dict.fromkeys(label(each.tag) for each in present.sections)),
        people=_names(present),
        texts=tuple(shortened(printable(text.text), 80) for text in present.texts[:4]),
    )


def _names(present: Present) -> str:
    if len(present.people) > 4:
        return f"{len(present.people)} people"
    return ", ".join(person_name(each) for each in present.people)


def _section_card(
    place: int,
    section: Section,
    found: VideoFindings,
    pictures: list[Picture | None],
    tone: str,
    clip: str | None,
) -> SectionCard:
    shot = next(
        (index for index, each in enumerate(found.shots) if each.start_s <= section.thumbnail_s < each.end_s), None
    )
    lasts = sum(span.seconds for span in section.spans)
    return SectionCard(
        number=place,
        name=label(section.tag),
        tone="critical" if section.is_critical else tone,
        is_critical=section.is_critical,
        periods=_periods(section.spans),
        facts=f"{seconds(lasts)}, {percent(section.confidence)} sure",
        activity=round(100 * min(1.0, max(0.0, section.relative_activity)), 1),
        picture=None if shot is None else pictures[shot],
        clip=clip,
        spans=_data(section.spans),
    )


def _people(found: VideoFindings) -> Iterable[PersonRow]:
    for person in found.people:
        spans = spans_of(found, person.id)
        yield PersonRow(
            name=person_name(person.id),
            facts=described(person),
            seen=seconds(sum(span.seconds for span in spans)) if spans else "",
            periods=_periods(spans),
            spans=_data(spans),
        )


def _periods(spans: tuple[Span, ...]) -> str:
    shown = period(*spans[:_MANY])
    return shown if len(spans) <= _MANY else f"{shown} and {len(spans) - _MANY} more"


def _data(spans: tuple[Span, ...]) -> str:
    """For the script, which tells what a moment holds: `0.000,4.600 11.000,19.400`."""
    return " ".join(f"{span.start_s:.3f},{span.end_s:.3f}" for span in spans)


def _begins(text: TextResult) -> float:
    return text.span.start_s if text.span else 0.0


def _text_row(text: TextResult) -> TextRow:
    return TextRow(
        text=shortened(printable(text.text), _TEXT_LIMIT),
        period=period(text.span) if text.span else "",
        language=printable(text.language or ""),
        confidence=percent(text.confidence),
        spans=_data((text.span,)) if text.span else "",
    )


def _file(rendition: Rendition) -> FileRow:
    facts = (type_name(rendition.media_type), extent(rendition.width, rendition.height), size(rendition.bytes))
    return FileRow(label(rendition.name), rendition.url if is_web(rendition.url) else None, ", ".join(facts))


def heading(films: int, found: VideoFindings | None) -> str:
    """What the video is, in one line."""
    if found is None or films != 1:
        return f"{films} videos analyzed." if films else "The video could not be analyzed."
    shots = "One shot" if len(found.shots) == 1 else f"{len(found.shots)} shots"
    return f"{shots} in {timecode(found.duration_s)}."
