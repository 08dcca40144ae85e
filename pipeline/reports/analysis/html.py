"""The report as one HTML page: a timeline of a video, a sheet of pictures; it needs nothing but itself."""

from dataclasses import dataclass

from pipeline.domain.jobs import JobKind, Outcome
from pipeline.reports.analysis.image_view import ImageCard, image_cards, tag_bars
from pipeline.reports.analysis.json import OUTCOMES
from pipeline.reports.analysis.model import AnalysisReport
from pipeline.reports.analysis.timeline import GUTTER
from pipeline.reports.analysis.video_view import film, heading
from pipeline.reports.html import Share
from pipeline.reports.page import Page, is_web
from pipeline.reports.words import label, moment, printable, seconds

_HERE = "pipeline.reports.analysis"
_STYLES = (("pipeline.reports", "style.css"), (_HERE, "analysis.css"))
_VIDEO = Page(_HERE, "video.html.j2", styles=_STYLES, scripts=((_HERE, "timeline.js"),))
_IMAGES = Page(_HERE, "images.html.j2", styles=_STYLES, scripts=((_HERE, "pictures.js"),))


@dataclass(frozen=True, slots=True)
class Filter:
    """A choice of pictures: those with the class `kind`."""

    kind: str
    word: str
    count: int


class AnalysisHtml:
    """Opens offline and runs under `Content-Security-Policy: sandbox`, where the timeline does not follow the pointer.

    Each page loads nothing, runs only its own script and sends nothing anywhere.
    """

    name = "html"
    media_type = "text/html; charset=utf-8"
    extension = "html"

    def render(self, report: AnalysisReport) -> bytes:
        return _videos(report) if report.kind is JobKind.VIDEO_ANALYSIS else _images(report)


def _videos(report: AnalysisReport) -> bytes:
    found = [(item, item.video_findings) for item in report.items]
    films = [film(item, findings) for item, findings in found if findings is not None]
    first = next((findings for _, findings in found if findings is not None), None)
    facts = [films[0].facts] if len(films) == 1 and films[0].facts else []
    return _VIDEO.render(
        report=report,
        title=films[0].name if len(films) == 1 else "Video analysis",
        heading=heading(len(films), first),
        facts=[*facts, *_facts(report)],
        numbers=[
            ("People", sum(len(each.people) for each in films)),
            ("Texts", sum(len(each.texts) for each in films)),
            ("Sections", sum(len(each.sections) for each in films)),
        ],
        notes=_notes(report),
        films=films,
        failed=image_cards([item for item in report.items if item.findings is None], report.job_id),
        gutter=GUTTER,
        runs=_runs(report),
    )


def _images(report: AnalysisReport) -> bytes:
    cards = image_cards(report.items, report.job_id)
    failed = [card for card in cards if card.outcome != Outcome.ANALYZED]
    return _IMAGES.render(
        report=report,
        title="Picture analysis",
        heading=_image_heading(report),
        facts=_facts(report),
        numbers=[
            ("With people", _count(cards, "has-people")),
            ("With text", _count(cards, "has-texts")),
            ("Critical", _count(cards, "is-critical")),
        ],
        shares=_shares(report),
        filters=_filters(cards, len(failed)),
        notes=_notes(report),
        bars=tag_bars(report.items),
        failed=failed,
        cards=[card for card in cards if card.outcome == Outcome.ANALYZED],
        runs=_runs(report),
    )


def _image_heading(report: AnalysisReport) -> str:
    total, analyzed = len(report.items), report.count(Outcome.ANALYZED)
    if total == 0:
        return "No pictures were sent."
    if analyzed == total:
        return f"All {total} pictures are analyzed." if total > 1 else "The picture is analyzed."
    if analyzed == 0:
        return f"None of the {total} pictures could be analyzed." if total > 1 else "The picture could not be analyzed."
    return f"{analyzed} of {total} pictures {'is' if analyzed == 1 else 'are'} analyzed."


def _filters(cards: list[ImageCard], failed: int) -> list[Filter]:
    return [
        Filter("is-critical", "Critical", _count(cards, "is-critical")),
        Filter("has-people", "With people", _count(cards, "has-people")),
        Filter("has-texts", "With text", _count(cards, "has-texts")),
        Filter("failed", "Failed", failed),
    ]


def _count(cards: list[ImageCard], kind: str) -> int:
    return sum(kind in card.kinds.split() for card in cards)


def _shares(report: AnalysisReport) -> list[Share]:
    total, start, shares = max(1, len(report.items)), 0.0, []
    for outcome in OUTCOMES:
        count = report.count(outcome)
        length = 100 * count / total
        if count or outcome is not Outcome.CANCELLED:
            shares.append(Share(outcome.value, label(outcome.value), count, round(start, 3), round(length, 3)))
        start += length
    return shares


def _facts(report: AnalysisReport) -> list[str]:
    facts = [moment(report.created_at)]
    if report.duration_s is not None:
        facts.append(f"{seconds(report.duration_s)} on the clock")
    if report.generation > 1:
        facts.append(f"generation {report.generation}")
    return facts


def _notes(report: AnalysisReport) -> list[str]:
    """Why the job failed comes first, then what could not be looked for."""
    failure = [printable(report.failure.message)] if report.failure else []
    missing = [f"Not looked for: {label(what).lower()}. {printable(why)}" for what, why in report.unavailable.items()]
    return [*failure, *missing, *(printable(note) for note in report.notes)]


def _runs(report: AnalysisReport) -> list[tuple[str, str | None]]:
    return [(printable(run.run_id), run.url if is_web(run.url) else None) for run in report.runs]
