"""Ending a job: its report is made, its state is final, its event is in the outbox, in one last transaction."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from pipeline.domain.jobs import JobKind, JobStatus
from pipeline.errors import TransientError
from pipeline.services.analysis_reports import analysis_faults, analysis_report
from pipeline.services.checkpoints import checkpoint
from pipeline.services.gathering import enhancement_faults, enhancement_report
from pipeline.services.keys import report_key, sha256_of
from pipeline.services.leases import release
from pipeline.services.line import Line
from pipeline.services.made_report import HTML, SHEET, MadeReport
from pipeline.services.telling import tell
from pipeline.services.views import file_url
from pipeline.store.items import items_of_job
from pipeline.store.jobs import JobRow, jobs_to_report, locked_job
from pipeline.store.shards import Fence, hold

REPORT_TRIES = 3
log = logging.getLogger(__name__)

REPORTS: Mapping[JobKind, Callable[[Line, UUID, str], MadeReport]] = {
    JobKind.ENHANCEMENT: enhancement_report,
    JobKind.IMAGE_ANALYSIS: analysis_report,
    JobKind.VIDEO_ANALYSIS: analysis_report,
}
FAULTS: Mapping[JobKind, Callable[[Line, UUID], list[str]]] = {
    JobKind.ENHANCEMENT: enhancement_faults,
    JobKind.IMAGE_ANALYSIS: analysis_faults,
    JobKind.VIDEO_ANALYSIS: analysis_faults,
}


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
    return FAULTS[job.kind](line, job_id)


def _report_job(line: Line, fence: Fence, job_id: UUID, counts: ReportCounts) -> None:
    with line.database.session() as session:
        job = session.get_one(JobRow, job_id)
    made = REPORTS[job.kind](line, job_id, fence.run_id)
    counts.faults.extend(made.faults)
    keys = {}
    for name, rendered in made.files.items():
        sha256 = sha256_of(rendered.data)
        key = report_key(job.account_id, job_id, job.generation, fence, sha256, rendered.extension)
        line.store.put(key, rendered.data, media_type=rendered.media_type)
        counts.bytes_out += len(rendered.data)
        keys[name] = key
    checkpoint("report.stored")
    _finish(line, fence, job_id, keys, made.duplicates)
    counts.jobs.append(job_id)
    counts.items += len(made.items)
    counts.outcomes.update(str(item.outcome) for item in made.items)
    counts.scores.extend(item.score for item in made.items if item.score is not None)
    counts.pages[str(job_id)] = f"{line.options.api_url}{made.page}"
    if HTML in keys:
        counts.links[str(job_id)] = file_url(line, keys[HTML])
    if SHEET in keys:
        counts.sheets[str(job_id)] = file_url(line, keys[SHEET])


def _finish(line: Line, fence: Fence, job_id: UUID, keys: dict[str, str], duplicates: Mapping[int, int]) -> None:
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
        tell(line, session, job)
