"""The report as CSV, for spreadsheets: one row per picture."""

import csv
import io
from collections.abc import Iterable, Sequence

from pipeline.domain.jobs import ITEM_STAGES
from pipeline.reports.model import ItemReport, JobReport
from pipeline.reports.words import points, printable

COLUMNS = (
    *("position", "reference", "name", "source", "outcome", "score_before", "score_after", "pass_mark", "reasons"),
    *("error_code", "error_stage", "error_message", "retryable", "duplicate_of", "media_type", "width", "height"),
    *("bytes", "steps", "renditions", "attempts"),
    *(f"{stage}_ms" for stage in ITEM_STAGES),
)
"""Stable names; new ones are added at the end only."""

_FORMULA = (
    *("=", "+", "-", "@", "\t", "\r", "\n", "|", "%"),
    *("\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}"),
    *("\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}"),
)
"""What a spreadsheet may take for the start of a formula (OWASP, "CSV Injection", with the DDE forms)."""

Cell = str | int | float


class CsvFormat:
    """RFC 4180: comma, CRLF, quotes where needed.

    UTF-8 **with** a byte order mark: without it Excel reads the file in the machine's old code page and spoils every
    name that is not ASCII; Python (`utf-8-sig`), pandas, LibreOffice and Numbers all skip it. Text that a spreadsheet
    would run as a formula gets an apostrophe in front. Lists within a cell are joined by " | ".
    """

    name = "csv"
    media_type = "text/csv; charset=utf-8"
    extension = "csv"

    def render(self, report: JobReport) -> bytes:
        return table(COLUMNS, map(_row, report.items))


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell | None]]) -> bytes:
    """The table as `CsvFormat` describes it, every cell made safe."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_safe(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig")


def _row(item: ItemReport) -> list[Cell | None]:
    error, facts, score = item.error, item.facts, item.score
    return [
        item.position,
        item.reference,
        item.name,
        item.source,
        item.outcome.value,
        float(points(item.score_before.score)) if item.score_before else None,
        float(points(item.score_after.score)) if item.score_after else None,
        score.pass_mark if score else None,
        " | ".join(item.reasons),
        error.code if error else None,
        error.stage.value if error else None,
        error.message if error else None,
        ("yes" if error.retryable else "no") if error else None,
        item.duplicate_of,
        facts.media_type if facts else None,
        facts.width if facts else None,
        facts.height if facts else None,
        facts.bytes if facts else None,
        " | ".join(step.name for step in item.steps if step.changed),
        " | ".join(rendition.url for rendition in item.renditions if rendition.url),
        item.attempts,
        *(item.timings_ms.get(stage) for stage in ITEM_STAGES),
    ]


def _safe(cell: Cell | None) -> Cell:
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return cell
    text = printable(cell)
    return f"'{text}" if cell.lstrip(" ").startswith(_FORMULA) else text
