"""Accepting and cancelling jobs."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pipeline.domain.jobs import ItemState, JobKind, JobStatus, Outcome
from pipeline.domain.views import JobView
from pipeline.domain.workflows import Workflow
from pipeline.errors import Conflict, InvalidRequest, NotFound, PlanLimitReached
from pipeline.ports import SourceAuth
from pipeline.services.accounts import Caller
from pipeline.services.line import Ledger
from pipeline.services.views import job_view
from pipeline.store import Session
from pipeline.store.accounts import lock_account
from pipeline.store.items import ItemRow, open_items
from pipeline.store.jobs import JobRow, locked_job, open_jobs_count
from pipeline.store.limits import claim_key
from pipeline.store.notify import WORK, notify
from pipeline.store.uploads import UploadRow

PLAN_RETRY_S = 10
"""What a 429 for the plan's number of batches suggests: batches end every few seconds."""


@dataclass(frozen=True, slots=True)
class SubmittedFile:
    """One original: by URL, or by the id of an upload."""

    url: str | None = None
    upload_id: UUID | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    kind: JobKind
    workflow: Workflow
    workflow_snapshot: dict[str, Any]
    files: Sequence[SubmittedFile]
    webhook_url: str | None = None
    webhook_secret: str | None = None
    source_auth: SourceAuth | None = None
    project: str | None = None

    @property
    def digest(self) -> str:
        """The same for the same request: what an idempotency key is bound to."""
        content = [
            self.kind,
            self.workflow.slug,
            [(file.url, str(file.upload_id), file.reference) for file in self.files],
            self.webhook_url,
            self.webhook_secret,
            None if self.source_auth is None else asdict(self.source_auth),
            self.project,
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
    row = JobRow(
        account_id=caller.account_id,
        kind=submission.kind,
        workflow_slug=submission.workflow.slug,
        workflow=submission.workflow_snapshot,
        project=submission.project,
        created_by=caller.email or caller.name,
        webhook_url=submission.webhook_url,
        webhook_secret_sealed=None if submission.webhook_secret is None else sealed(submission.webhook_secret),
        source_auth_sealed=None if submission.source_auth is None else sealed(asdict(submission.source_auth)),
        total_items=len(submission.files),
        open_items=len(submission.files),
    )
    session.add(row)
    session.flush()
    session.add_all(
        ItemRow(
            job_id=row.id,
            account_id=row.account_id,
            kind=row.kind,
            position=position,
            reference=file.reference,
            url=file.url,
            upload_id=file.upload_id,
        )
        for position, file in enumerate(submission.files)
    )
    session.flush()
    session.refresh(row)
    return row


def cancel(ledger: Ledger, job_id: UUID, *, account_id: UUID | None = None) -> JobView:
    """No further item of the job is worked on or published; its report and its one webhook follow.

    Items that had ended keep their outcome. Raises `Conflict` when the job has ended already.
    """
    with ledger.database.session() as session:
        job = locked_job(session, job_id)
        if job is None or (account_id is not None and job.account_id != account_id):
            raise NotFound("There is no such batch.")
        if job.cancelled_at is None:
            if job.status.is_final or job.status is JobStatus.REPORTING:
                raise Conflict("The batch has ended already and cannot be cancelled.")
            now = datetime.now(UTC)
            for item in open_items(session, job_id):
                item.state, item.outcome, item.in_flight, item.ended_at = ItemState.ENDED, Outcome.CANCELLED, False, now
                item.renditions = []  # what was published of it, or still is: the keeper takes it back
            job.taken_back_at = None
            job.cancelled_at, job.open_items, job.report_shard_id = now, 0, None
            job.move_to(JobStatus.REPORTING)
            notify(session, WORK)
        return job_view(ledger, session, job, items=True)
