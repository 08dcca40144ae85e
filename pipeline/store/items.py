"""Items: one picture of a job each, and how far it has come."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from pipeline.domain.jobs import ItemState, JobKind, Outcome, Stage
from pipeline.store.base import Base


class ItemRow(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"))
    account_id: Mapped[UUID]
    kind: Mapped[JobKind]
    position: Mapped[int]
    reference: Mapped[str | None]
    url: Mapped[str | None]
    upload_id: Mapped[UUID | None] = mapped_column(ForeignKey("uploads.id"))
    state: Mapped[ItemState] = mapped_column(default=ItemState.WAITING)
    stage_done: Mapped[int] = mapped_column(default=0)
    """Rank of the last stage completed, 0 for none."""
    shard_id: Mapped[int | None] = mapped_column(ForeignKey("shards.id"))
    in_flight: Mapped[bool] = mapped_column(default=False)
    """A thread works on it right now: if its process dies, it is a suspect."""
    attempts: Mapped[int] = mapped_column(default=0)
    """Processes that died while this item was in flight."""
    tries: Mapped[int] = mapped_column(default=0)
    """Times that the source or the store was not available for this item."""
    not_before: Mapped[datetime | None]
    outcome: Mapped[Outcome | None]
    failed_stage: Mapped[Stage | None]
    error: Mapped[dict[str, Any] | None]
    original_key: Mapped[str | None]
    original_sha256: Mapped[str | None]
    facts: Mapped[dict[str, Any] | None]
    proxy_key: Mapped[str | None]
    findings: Mapped[dict[str, Any] | None]
    enhancement: Mapped[dict[str, Any] | None]
    """What `enhance` did: steps, work renditions, findings and proxy of the result, score before."""
    renditions: Mapped[list[Any] | None]
    score: Mapped[float | None]
    quality: Mapped[dict[str, Any] | None]
    biometrics: Mapped[list[Any] | None]
    """Face vectors and thumbnails by person: kept apart, for they have a retention of their own."""
    duplicate_of: Mapped[int | None]
    """Position of the earliest picture of the job that looks the same."""
    timings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Stage to milliseconds."""
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_items_failed", "shard_id", postgresql_where=text("outcome = 'failed'")),
        Index("ix_items_job_position", "job_id", "position", unique=True),
        Index("ix_items_shard", "shard_id", postgresql_where=text("state = 'claimed'")),
        Index("ix_items_upload", "upload_id", postgresql_where=text("upload_id IS NOT NULL")),
        Index("ix_items_waiting", "account_id", "kind", postgresql_where=text("state = 'waiting'")),
    )


def items_of_job(session: Session, job_id: UUID) -> Sequence[ItemRow]:
    return session.scalars(select(ItemRow).where(ItemRow.job_id == job_id).order_by(ItemRow.position)).all()


def open_items(session: Session, job_id: UUID) -> Sequence[ItemRow]:
    """The job's items without an outcome, locked."""
    return session.scalars(
        select(ItemRow)
        .where(ItemRow.job_id == job_id, ItemRow.outcome.is_(None))
        .order_by(ItemRow.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def items_for_stage(session: Session, shard_id: int, stage: Stage) -> Sequence[ItemRow]:
    """The shard's items that passed the stage before, not this one, and have not ended."""
    return session.scalars(
        select(ItemRow)
        .where(ItemRow.shard_id == shard_id, ItemRow.state == ItemState.CLAIMED, ItemRow.stage_done == stage.rank - 1)
        .order_by(ItemRow.id)
    ).all()


def failed_at(session: Session, shard_id: int, stage: Stage) -> Sequence[tuple[int, str]]:
    """Id and error code of the shard's items that failed at this stage; an item keeps its shard when it has ended."""
    rows = session.execute(
        select(ItemRow.id, ItemRow.error["code"].astext)
        .where(ItemRow.shard_id == shard_id, ItemRow.outcome == Outcome.FAILED, ItemRow.failed_stage == stage)
        .order_by(ItemRow.id)
    )
    return [(row[0], row[1]) for row in rows]


def claimed_items(session: Session, shard_id: int) -> Sequence[ItemRow]:
    """Every unfinished item of the shard, locked."""
    return session.scalars(
        select(ItemRow)
        .where(ItemRow.shard_id == shard_id, ItemRow.state == ItemState.CLAIMED)
        .order_by(ItemRow.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def mark_in_flight(session: Session, shard_id: int, item_ids: Sequence[int]) -> set[int]:
    """These items are in flight; returns those still the shard's (a cancelled one is not)."""
    return set(
        session.scalars(
            update(ItemRow)
            .where(ItemRow.id.in_(item_ids), ItemRow.shard_id == shard_id, ItemRow.state == ItemState.CLAIMED)
            .values(in_flight=True)
            .returning(ItemRow.id)
        )
    )


_PATCH_COLUMNS = (
    "state text, stage_done int, in_flight boolean, tries int, retry_in_s float8, outcome text, failed_stage text,"
    " error jsonb, original_key text, original_sha256 text, facts jsonb, proxy_key text, findings jsonb,"
    " enhancement jsonb, renditions jsonb, score float8, quality jsonb, biometrics jsonb, timings jsonb"
)
_KEPT = (
    *("original_key", "original_sha256", "facts", "proxy_key", "findings", "enhancement", "renditions"),
    *("score", "quality", "biometrics", "outcome", "failed_stage", "error"),
)
_KEEP_OR_SET = ", ".join(f"{name} = coalesce(r.{name}, items.{name})" for name in _KEPT)
_APPLY = text(
    "UPDATE items SET state = r.state, stage_done = r.stage_done, in_flight = false, tries = r.tries,"  # noqa: S608
    " shard_id = CASE WHEN r.state = 'waiting' THEN NULL ELSE items.shard_id END,"
    " not_before = clock_timestamp() + make_interval(secs => r.retry_in_s),"
    " ended_at = CASE WHEN r.state = 'ended' THEN clock_timestamp() END,"
    f" timings = items.timings || coalesce(r.timings, '{{}}'), {_KEEP_OR_SET}"
    f" FROM jsonb_to_recordset(:rows) AS r(id bigint, {_PATCH_COLUMNS})"
    " WHERE items.id = r.id AND items.shard_id = :shard AND items.state = 'claimed'"
    " RETURNING items.id, items.job_id, items.state"
).bindparams(bindparam("rows", type_=JSONB), bindparam("shard", type_=BigInteger))


def apply_results(
    session: Session, shard_id: int, patches: Iterable[Mapping[str, Any]]
) -> list[tuple[int, UUID, ItemState]]:
    """Writes what a stage found, in one statement; an item that is no longer the shard's stays as it is.

    Returns (item, job, state) of the items that were written.
    """
    rows = list(patches)
    if not rows:
        return []
    result = session.execute(_APPLY, {"rows": rows, "shard": shard_id})
    return [(row[0], row[1], ItemState(row[2])) for row in result]


def is_at_work(session: Session, item_id: int, shard_id: int) -> bool:
    """The item is still this shard's: nobody has cancelled it or ended it meanwhile."""
    state = session.scalar(select(ItemRow.state).where(ItemRow.id == item_id, ItemRow.shard_id == shard_id))
    return state is ItemState.CLAIMED


def outcome_counts(session: Session, job_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Per job: items per outcome, and `waiting`/`claimed` for those without one."""
    counts: dict[UUID, dict[str, int]] = {job_id: {} for job_id in job_ids}
    rows = session.execute(
        select(ItemRow.job_id, text("coalesce(outcome, state)"), func.count())
        .where(ItemRow.job_id.in_(job_ids))
        .group_by(ItemRow.job_id, text("coalesce(outcome, state)"))
    )
    for job_id, word, count in rows:
        counts[job_id][word] = count
    return counts


def stage_counts(session: Session, job_id: UUID) -> dict[int, int]:
    """Items without an outcome by the rank of their last completed stage."""
    rows = session.execute(
        select(ItemRow.stage_done, func.count())
        .where(ItemRow.job_id == job_id, ItemRow.outcome.is_(None))
        .group_by(ItemRow.stage_done)
    )
    return {row[0]: row[1] for row in rows}


def referenced_keys(session: Session, *, of_job: UUID | None = None) -> set[str]:
    """Every object key that an item, a job or an upload refers to; with `of_job`, that this job's items refer to."""
    found: set[str] = set()
    for (keys,) in session.execute(
        text(
            "SELECT jsonb_build_array(original_key, proxy_key, enhancement->>'proxy_key')"
            " || coalesce(jsonb_path_query_array(enhancement, '$.renditions[*].key'), '[]')"
            " || coalesce(jsonb_path_query_array(renditions, '$[*].key'), '[]') FROM items"
            " WHERE cast(:job AS uuid) IS NULL OR job_id = cast(:job AS uuid)"
            " UNION ALL SELECT coalesce(jsonb_path_query_array(reports, '$.*'), '[]') FROM jobs"
            " WHERE cast(:job AS uuid) IS NULL"
            " UNION ALL SELECT jsonb_build_array(key) FROM uploads WHERE cast(:job AS uuid) IS NULL"
        ),
        {"job": of_job},
    ):
        found.update(key for key in keys if key)
    return found
