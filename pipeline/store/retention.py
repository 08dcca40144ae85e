"""What is forgotten after its time: the words of a job stay, its pictures and deliveries go."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session


def forget_old_jobs(session: Session, before: datetime) -> int:
    """Jobs that ended before then refer to no object any more; returns how many still did."""
    jobs = session.scalars(
        text(
            "UPDATE jobs SET reports = '{}', source_auth_sealed = NULL"
            " WHERE status IN ('succeeded', 'cancelled') AND finished_at < :before AND reports <> '{}'"
            " RETURNING id"
        ),
        {"before": before},
    ).all()
    session.execute(
        text(
            "UPDATE items SET original_key = NULL, proxy_key = NULL, upload_id = NULL, renditions = '[]',"
            " findings = NULL, enhancement = NULL, stage_done = 0 WHERE job_id = ANY(:jobs)"
        ),
        {"jobs": list(jobs)},
    )
    return len(jobs)


def forget_old_rows(session: Session, before: datetime) -> None:
    """Delivered events' tries, idempotency keys and unused uploads from before then are gone."""
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
