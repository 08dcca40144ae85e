"""Ending a job: its report is made, its state is final, its event is in the outbox, in one last transaction."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from pipeline.dialects import enhancement
from pipeline.domain.events import DeliveryState, EventType
from pipeline.domain.jobs import JobStatus
from pipeline.errors import TransientError
from pipeline.services.checkpoints import checkpoint
from pipeline.services.gathering import gather
from pipeline.services.keys import report_key, sha256_of
from pipeline.services.leases import release
from pipeline.services.line import Line
from pipeline.services.views import file_url, job_view
from pipeline.store import Session
from pipeline.store.accounts import endpoint_of
from pipeline.store.events import DeliveryRow, EventRow
from pipeline.store.items import items_of_job
from pipeline.store.jobs import JobRow, jobs_to_report, locked_job
from pipeline.store.notify import EVENTS, notify
from pipeline.store.shards import Fence, hold

REPORT_TRIES = 3
log = logging.getLogger(__name__)
SHEET = "contact_sheet"


@dataclass(slots=True)
class ReportCounts:
    """What the report stage did in one run."""

    jobs: list[UUID] = field(default_factory=list)
    items: int = 0
    bytes_out: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)
    """What does not add up in a report; empty unless there is a bug."""
    links: dict[str, str] = field(default_factory=dict)
    """Job id to the URL of its HTML report."""
    sheets: dict[str, str] = field(default_factory=dict)
    """Job id to the URL of its contact sheet."""
    pages: dict[str, str] = field(default_factory=dict)
    """Job id to its URL at the API."""
    outcomes: Counter[str] = field(default_factory=Counter)
    scores: list[float] = field(default_factory=list)


def report_jobs(line: Line, fence: Fence) -> ReportCounts:
    """Every job that ended in this shard has its report and is final; then the shard is given back."""
    counts = ReportCounts()
    started = datetime.now(UTC)
    with line.database.session() as session:
        job_ids = jobs_to_report(session, fence.shard_id)
    for job_id in job_ids:
        try:
            _report_job(line, fence, job_id, counts)
        except TransientError:
            raise
        except Exception as error:  # noqa: BLE001 - one job's report must not hold up the others
            _report_failed(line, fence, job_id, counts, error)
    counts.seconds = (datetime.now(UTC) - started).total_seconds()
    release(line, fence)
    return counts


def _report_failed(line: Line, fence: Fence, job_id: UUID, counts: ReportCounts, error: Exception) -> None:
    """A fault of ours in this report: it is tried again, and after the last try the job ends without one."""
    log.error("The report of job %s cannot be made: %r", job_id, error)
    counts.faults.append(f"{job_id}: the report cannot be made")
    with line.database.session() as session:
        job = locked_job(session, job_id)
        hold(session, fence)
        if job is None:
            return
        job.report_tries += 1
        tries, job.report_shard_id = job.report_tries, None if job.report_tries < REPORT_TRIES else fence.shard_id
    if tries >= REPORT_TRIES:
        _finish(line, fence, job_id, {}, {})


def faults_of(line: Line, job_id: UUID) -> list[str]:
    """What does not add up in an ended job by the ledger as it stands; nothing of one that retention has emptied."""
    with line.database.session() as session:
        job = session.get_one(JobRow, job_id)
    if not job.reports:
        return [f"{job_id}: the report cannot be made"] if job.report_tries >= REPORT_TRIES else []
    return gather(line, job_id, run_id="", pictures=False).faults


def _report_job(line: Line, fence: Fence, job_id: UUID, counts: ReportCounts) -> None:
    from pipeline.reports.contact_sheet import contact_sheet
    from pipeline.stages.report import RenderedReport, make_reports

    gathered = gather(line, job_id, run_id=fence.run_id)
    job, items, report = gathered.job, gathered.items, gathered.report
    counts.faults.extend(gathered.faults)
    keys = {}
    sheet = RenderedReport(SHEET, "image/jpeg", "jpg", contact_sheet(report.items))
    for name, rendered in {**make_reports(report), SHEET: sheet}.items():
        sha256 = sha256_of(rendered.data)
        key = report_key(job.account_id, job_id, job.generation, fence, sha256, rendered.extension)
        line.store.put(key, rendered.data, media_type=rendered.media_type)
        counts.bytes_out += len(rendered.data)
        keys[name] = key
    checkpoint("report.stored")
    _finish(line, fence, job_id, keys, gathered.duplicates)
    counts.jobs.append(job_id)
    counts.items += len(items)
    counts.outcomes.update(str(item.outcome) for item in items)
    counts.scores.extend(item.score for item in items if item.score is not None)
    counts.links[str(job_id)] = file_url(line, keys["html"])
    counts.sheets[str(job_id)] = file_url(line, keys[SHEET])
    counts.pages[str(job_id)] = f"{line.options.api_url}/v1/batches/{job_id}"


def _finish(line: Line, fence: Fence, job_id: UUID, keys: dict[str, str], duplicates: dict[int, int]) -> None:
    """The one transaction in which the job becomes final and its event exists; nothing if it was done already."""
    with line.database.session() as session:
        job = locked_job(session, job_id)
        if job is None or job.status is not JobStatus.REPORTING or job.report_shard_id != fence.shard_id:
            return
        hold(session, fence)
        for item in items_of_job(session, job_id):
            item.duplicate_of = duplicates.get(item.position)
        job.reports = keys
        job.finished_at = datetime.now(UTC)
        job.move_to(JobStatus.SUCCEEDED if job.cancelled_at is None else JobStatus.CANCELLED)
        session.flush()
        _tell(line, session, job)


def _tell(line: Line, session: Session, job: JobRow) -> None:
    """The event is in the outbox, for the job's own webhook or else for the account's endpoint."""
    view = job_view(line, session, job, items=False)
    event = EventRow(
        account_id=job.account_id,
        job_id=job.id,
        generation=job.generation,
        type=EventType.BATCH_COMPLETED if job.status is JobStatus.SUCCEEDED else EventType.BATCH_CANCELLED,
        body="",
    )
    event.body = enhancement.webhook_body(view, event.type).decode()
    session.add(event)
    session.flush()
    endpoint = endpoint_of(session, job.account_id)
    if job.webhook_url is not None:
        session.add(
            DeliveryRow(
                event_id=event.id,
                account_id=job.account_id,
                url=job.webhook_url,
                secret_sealed=job.webhook_secret_sealed,
            )
        )
    elif endpoint is not None:
        delivery = DeliveryRow(
            event_id=event.id,
            account_id=job.account_id,
            endpoint_id=endpoint.id,
            url=endpoint.url,
            secret_sealed=endpoint.secret_sealed,
        )
        if not endpoint.enabled:  # kept as a dead letter, so that it can be replayed when the endpoint is mended
            delivery.state, delivery.next_attempt_at = DeliveryState.DEAD, None
            delivery.last_error = f"The endpoint is disabled: {endpoint.disabled_reason}"
        session.add(delivery)
    notify(session, EVENTS)
