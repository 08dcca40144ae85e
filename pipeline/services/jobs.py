"""Accepting and cancelling jobs."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pipeline.domain.jobs import ItemError, ItemState, JobKind, JobStatus, Outcome
from pipeline.domain.views import JobView
from pipeline.domain.workflows import Workflow
from pipeline.errors import Conflict, InvalidRequest, NotFound, PlanLimitReached
from pipeline.ports import SourceAuth
from pipeline.services.accounts import Caller
from pipeline.services.line import Ledger
from pipeline.services.views import job_view
from pipeline.store import Session
from pipeline.store.accounts import lock_account
from pipeline.store.base import now
from pipeline.store.items import ItemRow, open_items
from pipeline.store.jobs import JobRow, locked_job, open_jobs_count
from pipeline.store.limits import claim_key
from pipeline.store.notify import WORK, notify
from pipeline.store.uploads import UploadRow
from pipeline.store.values import dump

PLAN_RETRY_S = 10
"""What a 429 for the plan's number of batches suggests: batches end every few seconds."""


@dataclass(frozen=True, slots=True)
class SubmittedFile:
    """One original: by URL, or by the id of an upload; or one that was refused at the door, with the reason."""

    url: str | None = None
    upload_id: UUID | None = None
    reference: str | None = None
    sha256: str | None = None
    """Of content that came with the request: a repeat of the request has the same, under another upload."""
    error: ItemError | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    kind: JobKind
    files: Sequence[SubmittedFile]
    workflow: Workflow | None = None
    workflow_snapshot: dict[str, Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    max_processing_s: int = 0
    """0 is no limit."""
    webhook_url: str | None = None
    webhook_secret: str | None = None
    source_auth: SourceAuth | None = None
    project: str | None = None

    @property
    def digest(self) -> str:
        """The same for the same request: what an idempotency key is bound to."""
        content = [
            self.kind,
            None if self.workflow is None else self.workflow.slug,
            [
                (file.url, file.sha256 or (file.error.message if file.error else str(file.upload_id)), file.reference)
                for file in self.files
            ],
            self.webhook_url,
            self.webhook_secret,
            None if self.source_auth is None else asdict(self.source_auth),
            self.project,
            *([self.max_processing_s] if self.max_processing_s else []),
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def submit(
    ledger: Ledger, caller: Caller, submission: Submission, *, idempotency_key: str | None = None
) -> tuple[JobView, bool]:
    """The job is in the ledger and survives a crash; (job, True), or (the first one, False) for a repeated key.

    Raises `PlanLimitReached` while the account has as many jobs at work as its plan allows.
    """
    with ledger.database.session() as session:
        lock_account(session, caller.account_id)
        known = None
        if idempotency_key is not None:
            known = claim_key(session, caller.account_id, idempotency_key, submission.digest)
            if known.request_digest != submission.digest:
                words = "This Idempotency-Key was used for another request: use a new key for a new request."
                raise InvalidRequest({"Idempotency-Key": [words]})
            if known.job_id is not None:
                row = session.get(JobRow, known.job_id)
                if row is not None:
                    return job_view(ledger, session, row, items=False), False
        _check_plan(session, caller)
        _check_uploads(session, caller, submission.files)
        row = _insert(ledger, session, caller, submission)
        if known is not None:
            known.job_id = row.id
        notify(session, WORK)
        return job_view(ledger, session, row, items=False), True


def _check_plan(session: Session, caller: Caller) -> None:
    allowed = caller.concurrent_jobs
    if allowed is not None and open_jobs_count(session, caller.account_id) >= allowed:
        raise PlanLimitReached(
            PLAN_RETRY_S,
            f"Your plan allows {allowed} batches at work at the same time: wait until one has ended.",
        )


def _check_uploads(session: Session, caller: Caller, files: Sequence[SubmittedFile]) -> None:
    """Every upload exists and is the caller's own; somebody else's looks like one that does not exist."""
    wrong: dict[str, list[str]] = {}
    for index, file in enumerate(files):
        if file.upload_id is None:
            continue
        upload = session.get(UploadRow, file.upload_id)
        if upload is None or upload.account_id != caller.account_id:
            wrong[f"files.{index}.upload_id"] = ["There is no such upload: send the file to /v1/uploads first."]
    if wrong:
        raise InvalidRequest(wrong)


def _insert(ledger: Ledger, session: Session, caller: Caller, submission: Submission) -> JobRow:
    sealed = ledger.key.seal
    opened = sum(file.error is None for file in submission.files)
    limit_s = submission.max_processing_s
    row = JobRow(
        account_id=caller.account_id,
        kind=submission.kind,
        workflow_slug=None if submission.workflow is None else submission.workflow.slug,
        workflow=submission.workflow_snapshot,
        options=submission.options,
        deadline_at=now() + timedelta(seconds=limit_s) if limit_s else None,
        project=submission.project,
        created_by=caller.email or caller.name,
        webhook_url=submission.webhook_url,
        webhook_secret_sealed=None if submission.webhook_secret is None else sealed(submission.webhook_secret),
        source_auth_sealed=None if submission.source_auth is None else sealed(asdict(submission.source_auth)),
        total_items=len(submission.files),
        open_items=opened,
    )
    session.add(row)
    session.flush()
    session.add_all(_item(row, position, file) for position, file in enumerate(submission.files))
    if not opened:
        row.move_to(JobStatus.REPORTING)
    session.flush()
    session.refresh(row)
    return row


def _item(job: JobRow, position: int, file: SubmittedFile) -> ItemRow:
    row = ItemRow(
        job_id=job.id,
        account_id=job.account_id,
        kind=job.kind,
        position=position,
        reference=file.reference,
        url=file.url,
        upload_id=file.upload_id,
    )
    if file.error is not None:
        row.state, row.outcome, row.ended_at = ItemState.ENDED, Outcome.FAILED, now()
        row.failed_stage, row.error = file.error.stage, dump(file.error)
    return row


def cancel(ledger: Ledger, job_id: UUID, *, account_id: UUID | None = None, kind: JobKind | None = None) -> JobView:
    """No further item of the job is worked on or published; its report and its one webhook follow.

    Items that had ended keep their outcome. Raises `Conflict` when the job has ended already.
    """
    with ledger.database.session() as session:
        job = locked_job(session, job_id)
        if job is None or account_id not in (None, job.account_id) or kind not in (None, job.kind):
            raise NotFound("There is no such batch.")
        if job.cancelled_at is None:
            if job.status.is_final or job.status is JobStatus.REPORTING:
                raise Conflict("The batch has ended already and cannot be cancelled.")
            ended_at = datetime.now(UTC)
            for item in open_items(session, job_id):
                item.state, item.outcome = ItemState.ENDED, Outcome.CANCELLED
                item.in_flight, item.ended_at = False, ended_at
                item.renditions = []  # what was published of it, or still is: the keeper takes it back
            job.taken_back_at = None
            job.cancelled_at, job.open_items, job.report_shard_id = ended_at, 0, None
            job.move_to(JobStatus.REPORTING)
            notify(session, WORK)
        return job_view(ledger, session, job, items=True)
