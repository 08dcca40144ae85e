"""Analysis jobs: accepted, shown under their own ids, and how long they have taken of late."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pipeline.dialects.analysis import job_id_of
from pipeline.domain.jobs import ItemError, JobKind
from pipeline.domain.views import JobView
from pipeline.errors import NotFound, PipelineError
from pipeline.services.accounts import Caller
from pipeline.services.jobs import Submission, SubmittedFile, submit
from pipeline.services.line import Ledger
from pipeline.services.uploads import UploadView
from pipeline.services.views import job_view
from pipeline.store import Session
from pipeline.store.accounts import AccountRow
from pipeline.store.jobs import finished_units, job_of_account
from pipeline.store.uploads import UploadRow

UNITS = 1000
"""Finished images, or seconds of video, over which the latency is measured."""
_MEDIA = {"image": (JobKind.IMAGE_ANALYSIS, "image"), "video": (JobKind.VIDEO_ANALYSIS, "second")}


@dataclass(frozen=True, slots=True)
class SubmittedImage:
    """One image or video that has come; or one refused at the door, which fails alone with `error`."""

    external_id: str | None = None
    upload: UploadView | None = None
    error: ItemError | None = None


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """A video is a job of one image whose kind says so."""

    kind: JobKind
    images: Sequence[SubmittedImage]
    webhook_url: str | None = None
    webhook_secret: str | None = None
    max_processing_s: int = 0


def submit_analysis(
    ledger: Ledger, caller: Caller, request: AnalysisRequest, *, idempotency_key: str | None = None
) -> tuple[JobView, bool]:
    """As `jobs.submit`; the account's rules of this moment hold for the job, whatever becomes of them later."""
    with ledger.database.session() as session:
        rules = _rules(session, caller.account_id)
    submission = Submission(
        kind=request.kind,
        files=[_file(image) for image in request.images],
        options={**rules, "max_processing_s": request.max_processing_s},
        webhook_url=request.webhook_url,
        webhook_secret=request.webhook_secret,
        max_processing_s=request.max_processing_s,
    )
    try:
        view, is_new = submit(ledger, caller, submission, idempotency_key=idempotency_key)
    except PipelineError:
        _forget(ledger, request)
        raise
    if not is_new:
        _forget(ledger, request)
    return view, is_new


def _forget(ledger: Ledger, request: AnalysisRequest) -> None:
    """What came with a request that made no job belongs to nobody: the next sweep removes it."""
    with ledger.database.session() as session:
        for image in request.images:
            row = None if image.upload is None else session.get(UploadRow, image.upload.id)
            if row is not None:
                session.delete(row)


def _file(image: SubmittedImage) -> SubmittedFile:
    upload = image.upload
    return SubmittedFile(
        upload_id=None if upload is None else upload.id,
        reference=image.external_id,
        sha256=None if upload is None else upload.sha256,
        error=image.error,
    )


def _rules(session: Session, account_id: UUID) -> dict[str, Any]:
    account = session.get_one(AccountRow, account_id)
    return {"critical_tags": list(account.critical_tags), "keeps_biometrics": account.keeps_biometrics}


def show_analysis(ledger: Ledger, public: str, *, kind: JobKind, account_id: UUID) -> JobView:
    """The job with its items; raises `NotFound` for what is no id, no job, of another kind or of somebody else."""
    job_id = job_id_of(public, kind)
    with ledger.database.session() as session:
        found = None if job_id is None else job_of_account(session, job_id, account_id)
        if found is None or found.kind is not kind:
            raise NotFound("There is no such job.")
        return job_view(ledger, session, found, items=True)


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from acceptance to the finished job per image, or per second of video."""

    media_type: str
    unit: str
    latency_ms_per_unit: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    sample_size: int


def latency(ledger: Ledger, media_type: str) -> Latency | None:
    """Measured over the last thousand units of all accounts; None before any was finished, or for another type.

    A job's time is shared evenly by its units: an image of a batch of ten counts a tenth of the batch's time.
    """
    if media_type not in _MEDIA:
        return None
    kind, unit = _MEDIA[media_type]
    samples: list[tuple[float, float]] = []
    counted = 0.0
    with ledger.database.session() as session:
        for seconds, units in finished_units(session, kind, limit=UNITS):
            if counted >= UNITS:
                break
            taken = min(units, UNITS - counted)
            samples.append((1000 * seconds / units, taken))
            counted += taken
    if not samples:
        return None
    mean = sum(value * weight for value, weight in samples) / counted
    ordered = sorted(samples)
    p50, p95, p99 = (round(_quantile(ordered, counted * share), 1) for share in (0.5, 0.95, 0.99))
    return Latency(media_type, unit, round(mean, 1), p50, p95, p99, max(1, round(counted)))


def _quantile(ordered: Sequence[tuple[float, float]], rank: float) -> float:
    """The value at which so much weight lies below or at it."""
    passed = 0.0
    for value, weight in ordered:
        passed += weight
        if passed >= rank:
            return value
    return ordered[-1][0]
