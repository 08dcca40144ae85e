"""Requests for analysis, and jobs that end without a run: what is shown does not depend on who found it."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from sqlalchemy import select

from pipeline.dialects import analysis as dialect
from pipeline.domain.analysis import Gender, ImageFindings, Person, Span, Tag, VideoFindings
from pipeline.domain.jobs import ItemState, JobKind, JobStatus, Outcome
from pipeline.services.biometrics import findings_columns
from pipeline.services.line import Ledger
from pipeline.services.telling import tell
from pipeline.store.items import ItemRow
from pipeline.store.jobs import JobRow
from tests.integration.api_server import Customer

PICTURE = bytes(range(256)) * 100
"""Nobody decodes it here: the API only takes it in."""
VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(5000)
FINDINGS = ImageFindings(
    tags=(Tag("cat", 0.9),), people=(Person(0, Gender.FEMALE, 30.0, (0.6, 0.8), b"\xff\xd8", relative_prominence=1.0),)
)
FILM = VideoFindings(duration_s=2.0, frames=60, shots=(Span(0, 2.0),), activity_rate=2.0, activity=(0.1,))


def encoded(data: bytes = PICTURE) -> str:
    return base64.b64encode(data).decode()


def images(*data: bytes) -> dict[str, Any]:
    return {
        "images": [
            {"external_id": str(number), "data_base64": encoded(one)} for number, one in enumerate(data or [PICTURE])
        ]
    }


def send_video(customer: Customer, data: Any = VIDEO, **headers: str) -> requests.Response:
    return customer.call("POST", "/video", data=data, headers={"content-type": "application/octet-stream", **headers})


def end_job(ledger: Ledger, public_id: str, kind: JobKind, found: ImageFindings | VideoFindings) -> None:
    """The job ends as a run ends it: every item has these findings, and the event is in the outbox."""
    with ledger.database.session() as session:
        job = session.get_one(JobRow, dialect.job_id_of(public_id, kind))
        for item in session.scalars(select(ItemRow).where(ItemRow.job_id == job.id, ItemRow.outcome.is_(None))):
            columns = findings_columns(found, keep=True)
            item.findings, item.biometrics = columns["findings"], columns["biometrics"]
            item.state, item.outcome, item.ended_at = ItemState.ENDED, Outcome.ANALYZED, datetime.now(UTC)
        job.open_items, job.status = 0, JobStatus.SUCCEEDED
        job.started_at, job.finished_at = job.created_at, job.created_at + timedelta(seconds=2)
        session.flush()
        tell(ledger, session, job)
