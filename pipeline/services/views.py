"""Jobs as their customers see them."""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote, urlencode
from uuid import UUID

from pipeline.domain.analysis import VideoFacts
from pipeline.domain.jobs import ITEM_STAGES, ItemError, ItemState, JobFailure, JobKind, Outcome
from pipeline.domain.media import MediaFacts, Rendition
from pipeline.domain.quality import QualityScore
from pipeline.domain.views import ItemView, JobView
from pipeline.errors import NotFound
from pipeline.services.biometrics import found_in
from pipeline.services.line import Ledger
from pipeline.store import Session
from pipeline.store.dispatch import measured_seconds_per_item, shards_of_job
from pipeline.store.items import ItemRow, items_of_job, outcome_counts, stage_counts
from pipeline.store.jobs import JobRow, job_of_account, jobs_of_account
from pipeline.store.values import load

STAGE_SHARE: dict[JobKind, dict[str, float]] = {
    JobKind.ENHANCEMENT: {
        "download": 0.03,
        "validate": 0.17,
        "analyze": 0.05,
        "enhance": 0.73,
        "upload": 0.01,
        "score": 0.01,
    },
    JobKind.IMAGE_ANALYSIS: {"download": 0.01, "validate": 0.10, "analyze": 0.89},
    JobKind.VIDEO_ANALYSIS: {"download": 0.01, "validate": 0.01, "analyze": 0.80, "enhance": 0.17, "upload": 0.01},
}
"""Share of an item's CPU time per stage. Enhancement: 15 items of a run of `auto` over 12 MP photographs, without
models, two cores, the threads' CPU time taken in place of the clock (2026-11-21; 0.28 s an item)."""


def show_job(
    ledger: Ledger, job_id: UUID, *, account_id: UUID | None = None, kind: JobKind | None = None, items: bool = True
) -> JobView:
    """One job; raises `NotFound` for somebody else's, or one of another kind, as for one that does not exist."""
    with ledger.database.session() as session:
        row = session.get(JobRow, job_id) if account_id is None else job_of_account(session, job_id, account_id)
        if row is None or kind not in (None, row.kind):
            raise NotFound("There is no such batch.")
        return job_view(ledger, session, row, items=items)


def runs_of_job(ledger: Ledger, job_id: UUID) -> list[str]:
    """Dagster's pages of the runs that worked on the job's items as they stand, the one that made its report last.

    For a shard whose run has not begun it is the list of that shard's runs.
    """
    with ledger.database.session() as session:
        shards = shards_of_job(session, job_id)
    pages = ledger.options.dagster_url.rstrip("/") + "/runs"
    return [
        f"{pages}/{run_id}" if run_id else f"{pages}?{urlencode({'q[0]': f'tag:darkroom/shard={shard_id}'})}"
        for shard_id, run_id in shards
    ]


def list_jobs(
    ledger: Ledger, account_id: UUID | None, *, offset: int = 0, limit: int = 20, kind: JobKind | None = None
) -> tuple[list[JobView], int]:
    """Jobs without their items, newest first, and how many there are in all."""
    with ledger.database.session() as session:
        rows, total = jobs_of_account(session, account_id, offset=offset, limit=limit, kind=kind)
        return [job_view(ledger, session, row, items=False) for row in rows], total


def job_view(ledger: Ledger, session: Session, row: JobRow, *, items: bool) -> JobView:
    words = outcome_counts(session, [row.id])[row.id]
    ranks = stage_counts(session, row.id)
    return JobView(
        id=row.id,
        account_id=row.account_id,
        kind=row.kind,
        workflow_slug=row.workflow_slug,
        workflow_version=None if row.workflow is None else row.workflow["version"],
        status=row.status,
        cancelled=row.cancelled_at is not None,
        generation=row.generation,
        project=row.project,
        created_by=row.created_by,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        total=row.total_items,
        counts={outcome: words[outcome] for outcome in Outcome if outcome in words},
        waiting=words.get(ItemState.WAITING, 0),
        working=words.get(ItemState.CLAIMED, 0),
        stages={ITEM_STAGES[rank].value: count for rank, count in ranks.items() if rank < len(ITEM_STAGES)},
        eta_seconds=_eta_s(session, row, ranks),
        reports={name: file_url(ledger, key) for name, key in row.reports.items()},
        items=tuple(item_view(ledger, item) for item in items_of_job(session, row.id)) if items else (),
        failure=None if row.failure is None else load(JobFailure, row.failure),
    )


def item_view(ledger: Ledger, row: ItemRow) -> ItemView:
    before = (row.enhancement or {}).get("before")
    is_video = row.kind is JobKind.VIDEO_ANALYSIS
    return ItemView(
        id=row.id,
        position=row.position,
        reference=row.reference,
        url=row.url,
        upload_id=row.upload_id,
        state=row.state,
        stage_done=row.stage_done,
        outcome=row.outcome,
        error=None if row.error is None else load(ItemError, row.error),
        facts=None if row.facts is None or is_video else load(MediaFacts, row.facts),
        score_before=None if before is None else before["score"],
        score=row.score,
        quality=None if row.quality is None else load(QualityScore, row.quality),
        steps=tuple((row.enhancement or {}).get("steps", ())),
        renditions=delivered(ledger, row),
        duplicate_of=row.duplicate_of,
        timings_ms=dict(row.timings),
        attempts=row.attempts,
        analysis=found_in(row),
        video=load(VideoFacts, row.facts) if row.facts is not None and is_video else None,
    )


def delivered(ledger: Ledger, row: ItemRow) -> tuple[Rendition, ...]:
    """The published renditions with their URLs; none for an item that was cancelled or failed."""
    if row.outcome in (None, Outcome.FAILED, Outcome.CANCELLED):
        return ()
    found = load(list[Rendition], row.renditions or [])
    return tuple(replace(rendition, url=file_url(ledger, rendition.key)) for rendition in found)


def file_url(ledger: Ledger, key: str) -> str:
    """Public objects have a lasting URL at the CDN; all others one at the API that is signed and expires."""
    if key.startswith("public/"):
        return f"{ledger.options.cdn_url.rstrip('/')}/{quote(key)}"
    # Rounded up to the hour, so that two answers within it carry the same URL and a browser's cache can serve both.
    expires = (int(datetime.now(UTC).timestamp()) // 3600 + 1) * 3600 + ledger.options.signed_url_s
    signature = ledger.key.sign(f"{key}\n{expires}")
    return f"{ledger.options.api_url}/files/{quote(key)}?expires={expires}&signature={signature}"


def may_read(ledger: Ledger, key: str, expires: int, signature: str) -> bool:
    """The signature is ours for this key and its time has not come."""
    return ledger.key.verifies(f"{key}\n{expires}", signature) and datetime.now(UTC).timestamp() < expires


def _eta_s(session: Session, row: JobRow, ranks: dict[int, int]) -> float | None:
    """Seconds to the end, by this job's own pace once 5 % is done, before that by the pace of the last shards."""
    if row.status.is_final or row.cancelled_at is not None:
        return None
    left = sum(count * _share_left(row.kind, rank) for rank, count in ranks.items())
    done = row.total_items - left
    if row.started_at is not None and row.generation == 1 and done >= 0.05 * row.total_items:
        elapsed_s = (datetime.now(UTC) - row.started_at).total_seconds()
        return round(elapsed_s * left / done, 1)
    per_item_s = measured_seconds_per_item(session, row.kind)
    return None if per_item_s is None else round(left * per_item_s, 1)


def _share_left(kind: JobKind, rank: int) -> float:
    return sum(STAGE_SHARE[kind].get(stage, 0.0) for stage in ITEM_STAGES[rank:])
