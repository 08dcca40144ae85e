"""What is forgotten after its time: the words of a job stay, its pictures, secrets and deliveries go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session


def forget_old_jobs(session: Session, before: datetime) -> int:
    """Jobs that ended before then refer to no object and hold no secret any more; returns how many still did.

    A job that was forgotten has no reports and no tries at one; one that ended without a report has tries.
    """
    jobs = session.scalars(
        text(
            "UPDATE jobs SET reports = '{}', report_tries = 0, source_auth_sealed = NULL, webhook_secret_sealed = NULL"
            " WHERE status IN ('succeeded', 'failed', 'cancelled') AND finished_at < :before"
            " AND (reports <> '{}' OR report_tries > 0) RETURNING id"
        ),
        {"before": before},
    ).all()
    session.execute(
        text(
            "UPDATE items SET original_key = NULL, proxy_key = NULL, upload_id = NULL, renditions = '[]',"
            " findings = NULL, biometrics = NULL, enhancement = NULL, stage_done = 0 WHERE job_id = ANY(:jobs)"
        ),
        {"jobs": list(jobs)},
    )
    return len(jobs)


def forget_biometrics(session: Session, before: datetime) -> int:
    """No face vector or thumbnail of a job that ended before then is left, in items or in what was told of them.

    Returns the number of items that still had some. An event that is still being tried keeps its words: it is sent
    as it was signed, and its schedule ends within days.
    """
    items = session.scalars(
        text(
            "UPDATE items SET biometrics = NULL FROM jobs WHERE jobs.id = items.job_id AND jobs.finished_at < :before"
            " AND items.biometrics IS NOT NULL RETURNING items.id"
        ),
        {"before": before},
    ).all()
    session.execute(
        text(
            "UPDATE events SET body = '' FROM jobs WHERE jobs.id = events.job_id AND jobs.finished_at < :before"
            " AND jobs.kind IN ('image_analysis', 'video_analysis') AND events.body <> '' AND NOT EXISTS"
            " (SELECT 1 FROM deliveries WHERE deliveries.event_id = events.id AND deliveries.state = 'pending')"
        ),
        {"before": before},
    )
    return len(items)


def forget_old_rows(session: Session, before: datetime) -> None:
    """Delivered events' tries, idempotency keys and unused uploads from before then are gone.

    So are the secrets of deliveries made before then, unless they are still being tried.
    """
    session.execute(
        text(
            "UPDATE deliveries SET secret_sealed = NULL"
            " WHERE state IN ('delivered', 'dead') AND created_at < :before AND secret_sealed IS NOT NULL"
        ),
        {"before": before},
    )
    session.execute(
        text(
            "DELETE FROM delivery_attempts WHERE delivery_id IN"
            " (SELECT id FROM deliveries WHERE state = 'delivered' AND delivered_at < :before)"
        ),
        {"before": before},
    )
    session.execute(text("DELETE FROM idempotency_keys WHERE created_at < :before"), {"before": before})
    session.execute(
        text(
            "DELETE FROM uploads WHERE created_at < :before"
            " AND NOT EXISTS (SELECT 1 FROM items WHERE items.upload_id = uploads.id)"
        ),
        {"before": before},
    )


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A cancelled job whose files may lie behind the CDN. `item_ids`: its items that were cancelled."""

    job_id: UUID
    account_id: UUID
    item_ids: frozenset[int]
    is_settled: bool
    """No run that had one of these items can still be at work: nothing more comes."""


def withdrawn_jobs(session: Session, since: datetime) -> Sequence[Withdrawn]:
    """Jobs cancelled since then whose published files have not been taken back."""
    rows = session.execute(
        text(
            "SELECT j.id, j.account_id, array_agg(i.id), bool_and(coalesce(s.state = 'done', true))"
            " FROM jobs j JOIN items i ON i.job_id = j.id LEFT JOIN shards s ON s.id = i.shard_id"
            " WHERE j.cancelled_at > :since AND j.taken_back_at IS NULL AND i.outcome = 'cancelled' GROUP BY j.id"
        ),
        {"since": since},
    )
    return [Withdrawn(row[0], row[1], frozenset(row[2]), row[3]) for row in rows]


def mark_taken_back(session: Session, job_id: UUID) -> None:
    """Nothing of this job's cancelled items is looked for in public any more."""
    session.execute(text("UPDATE jobs SET taken_back_at = now() WHERE id = :job"), {"job": job_id})
