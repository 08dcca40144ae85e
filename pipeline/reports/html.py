"""The report as one HTML page that needs nothing but itself: pictures, style and script are inside."""

from dataclasses import dataclass

from pipeline.domain.jobs import Outcome
from pipeline.reports.charts import histogram, stage_bars
from pipeline.reports.model import JobReport
from pipeline.reports.page import Page, is_web
from pipeline.reports.pictures import pictures
from pipeline.reports.view import WORDS, Card, cards
from pipeline.reports.words import moment, points, printable, seconds, shortened

_FILTERS = (Outcome.ENHANCED, Outcome.APPROVED, Outcome.REJECTED, Outcome.FAILED, Outcome.CANCELLED)


@dataclass(frozen=True, slots=True)
class Share:
    """One outcome's part of the batch, for the bar, its legend and its filter."""

    outcome: str
    word: str
    count: int
    start: float
    length: float


class HtmlFormat:
    """Opens offline; its policy lets it load nothing, run only its own script and send nothing anywhere.

    Filters work without scripts too, and then before and after stand side by side: served under
    `Content-Security-Policy: sandbox` it loses the slider, the count beside the filters and links like `#failed`.
    """

    name = "html"
    media_type = "text/html; charset=utf-8"
    extension = "html"

    def render(self, report: JobReport) -> bytes:
        all_cards = cards(report.items, pictures(report.items), report.job_id)
        return _PAGE.render(
            report=report,
            title=shortened(printable(report.workflow_title), 80),
            heading=_heading(report),
            facts=_facts(report),
            scores=[points(score) for score in report.average_scores or ()],
            shares=_shares(report),
            histogram=histogram(report),
            stages=stage_bars(report),
            failed=_chosen(all_cards, Outcome.FAILED, Outcome.CANCELLED),
            rejected=_chosen(all_cards, Outcome.REJECTED),
            delivered=_chosen(all_cards, Outcome.ENHANCED, Outcome.APPROVED),
            notes=[printable(note) for note in report.notes],
            runs=[(printable(run.run_id), run.url if is_web(run.url) else None) for run in report.runs],
        )


def _heading(report: JobReport) -> str:
    total, delivered = len(report.items), report.delivered
    if total == 0:
        return "No pictures were sent."
    noun, verb = ("picture", "is") if total == 1 else ("pictures", "is" if delivered == 1 else "are")
    if delivered == total:
        return f"All {total} {noun} {verb} ready." if total > 1 else "The picture is ready."
    if delivered == 0:
        return f"None of the {total} {noun} is ready." if total > 1 else "The picture is not ready."
    return f"{delivered} of {total} {noun} {verb} ready."


def _facts(report: JobReport) -> list[str]:
    facts = [moment(report.created_at)]
    spent = report.duration_s
    if spent is not None:
        facts.append(f"{seconds(spent)} on the clock")
    facts.append(f"workflow {shortened(printable(report.workflow_slug), 60)}, version {report.workflow_version}")
    facts.append(f"guidelines version {report.guidelines_version}")
    if report.generation > 1:
        facts.append(f"generation {report.generation}")
    return facts


def _shares(report: JobReport) -> list[Share]:
    shares, start, total = [], 0.0, max(1, sum(report.counts.values()))
    for outcome in _FILTERS:
        count = report.count(outcome)
        length = 100 * count / total
        if count or outcome is not Outcome.CANCELLED:
            shares.append(Share(outcome.value, WORDS[outcome], count, round(start, 3), round(length, 3)))
        start += length
    return shares


def _chosen(all_cards: list[Card], *outcomes: Outcome) -> list[Card]:
    names = [outcome.value for outcome in outcomes]
    return [card for card in all_cards if card.outcome in names]


_PAGE = Page(
    "pipeline.reports",
    "report.html.j2",
    styles=(("pipeline.reports", "style.css"),),
    scripts=(("pipeline.reports", "script.js"),),
)
