"""What a report says: a job's rows and thumbnails as one value, and whether it adds up."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from pipeline.domain.jobs import JobStatus, Outcome, Stage
from pipeline.domain.media import Findings
from pipeline.domain.quality import QualityScore
from pipeline.errors import MediaError, ObjectMissing
from pipeline.reports.model import ItemReport, JobReport, RunLink, StepReport, delivered_percentage, name_of
from pipeline.services.line import Line
from pipeline.services.made_report import SHEET, MadeReport
from pipeline.services.views import item_view
from pipeline.store import Session
from pipeline.store.items import ItemRow, items_of_job
from pipeline.store.jobs import JobRow
from pipeline.store.uploads import UploadRow
from pipeline.store.values import load
from pipeline.version import VERSION


@dataclass(frozen=True, slots=True)
class Gathered:
    """A job's items as they were read, the report on them, and what in it does not add up."""

    items: Sequence[ItemRow]
    duplicates: dict[int, int]
    report: JobReport
    faults: list[str]


def enhancement_report(line: Line, job_id: UUID, run_id: str) -> MadeReport:
    """The report in every format, and the contact sheet."""
    from pipeline.reports.contact_sheet import contact_sheet
    from pipeline.stages.report import RenderedReport, make_reports

    gathered = gather(line, job_id, run_id=run_id)
    sheet = RenderedReport(SHEET, "image/jpeg", "jpg", contact_sheet(gathered.report.items))
    return MadeReport(
        files={**make_reports(gathered.report), SHEET: sheet},
        items=gathered.items,
        faults=gathered.faults,
        page=f"/v1/batches/{job_id}",
        duplicates=gathered.duplicates,
    )


def enhancement_faults(line: Line, job_id: UUID) -> list[str]:
    """What does not add up by the ledger as it stands now."""
    return gather(line, job_id, run_id="", pictures=False).faults


def gather(line: Line, job_id: UUID, *, run_id: str, pictures: bool = True) -> Gathered:
    """All that a report says, and what of it does not add up; without `pictures` the store is not asked."""
    from pipeline.stages.analyze import find_duplicates
    from pipeline.stages.report import adds_up

    with line.database.session() as session:
        job = session.get_one(JobRow, job_id)
        items = items_of_job(session, job_id)
        names = _upload_names(session, items)
    duplicates = find_duplicates([(item.position, _hash(item)) for item in items if item.findings is not None])
    report = _job_report(line, job, items, names, duplicates, run_id=run_id, pictures=pictures)
    return Gathered(items, duplicates, report, [f"{job_id}: {fault}" for fault in adds_up(report)])


def _hash(item: ItemRow) -> str:
    return load(Findings, item.findings).perceptual_hash


def _upload_names(session: Session, items: Sequence[ItemRow]) -> dict[UUID, str]:
    ids = [item.upload_id for item in items if item.upload_id is not None]
    return {upload.id: upload.name for upload_id in ids if (upload := session.get(UploadRow, upload_id))}


def _job_report(
    line: Line,
    job: JobRow,
    items: Sequence[ItemRow],
    names: dict[UUID, str],
    duplicates: dict[int, int],
    *,
    run_id: str,
    pictures: bool,
) -> JobReport:
    from pipeline.reports.pictures import thumb_side_for

    thumb_side = thumb_side_for(len(items)) if pictures else None
    with ThreadPoolExecutor(line.options.threads, thread_name_prefix="report") as pool:
        reports = tuple(pool.map(lambda item: _item_report(line, item, names, duplicates, thumb_side), items))
    counts = Counter(item.outcome for item in items if item.outcome is not None)
    seconds: defaultdict[Stage, float] = defaultdict(float)
    for item in items:
        for stage, elapsed_ms in item.timings.items():
            seconds[Stage(stage)] += elapsed_ms / 1000
    delivered = sum(count for outcome, count in counts.items() if outcome.is_delivered)
    workflow = job.workflow or {}
    return JobReport(
        job_id=str(job.id),
        kind=job.kind,
        workflow_slug=job.workflow_slug or "",
        workflow_title=workflow["title"],
        workflow_version=workflow["version"],
        guidelines_version=workflow["guidelines"]["version"],
        status=JobStatus.SUCCEEDED if job.cancelled_at is None else JobStatus.CANCELLED,
        generation=job.generation,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=datetime.now(UTC),
        counts=counts,
        percentage=delivered_percentage(delivered, len(items)),
        items=reports,
        stage_seconds=seconds,
        runs=(RunLink(run_id, f"{line.options.dagster_url}/runs/{run_id}"),),
        product_version=VERSION,
        notes=_notes(items),
    )


def _item_report(
    line: Line, row: ItemRow, names: dict[UUID, str], duplicates: dict[int, int], thumb_side: int | None
) -> ItemReport:
    view = item_view(line, row)
    source = row.url or (names.get(row.upload_id, "upload") if row.upload_id else "upload")
    enhancement_of = row.enhancement or {}
    ended = row.outcome not in (Outcome.FAILED, Outcome.CANCELLED)
    twin = duplicates.get(row.position)
    before_key, after_key = row.proxy_key, enhancement_of.get("proxy_key")
    before_thumb = _thumb(line, before_key, thumb_side)
    after_thumb = before_thumb if after_key == before_key else _thumb(line, after_key, thumb_side)
    return ItemReport(
        position=row.position + 1,
        name=name_of(source),
        source=source,
        outcome=row.outcome or Outcome.CANCELLED,
        reference=row.reference,
        error=view.error,
        facts=view.facts,
        score_before=load(QualityScore, enhancement_of["before"]) if ended and enhancement_of else None,
        score_after=view.quality if ended and not enhancement_of.get("kept_original") else None,
        steps=tuple(load(StepReport, step) for step in view.steps) if ended else (),
        duplicate_of=None if twin is None else twin + 1,
        renditions=view.renditions,
        timings_ms={Stage(stage): round(elapsed) for stage, elapsed in row.timings.items()},
        attempts=row.attempts + 1,
        before_thumb=before_thumb,
        after_thumb=after_thumb if ended else None,
    )


def _thumb(line: Line, key: str | None, side: int | None) -> bytes | None:
    from pipeline.reports.contact_sheet import thumbnail

    try:
        return None if key is None or side is None else thumbnail(line.store.get(key), side)
    except (ObjectMissing, MediaError):
        return None


def _notes(items: Sequence[ItemRow]) -> tuple[str, ...]:
    """What could not be measured, once for the whole job."""
    reasons: dict[str, None] = {}
    for item in items:
        reasons.update(dict.fromkeys((item.findings or {}).get("unavailable", {}).values()))
    return tuple(reasons)
