"""The event of an ended job: in the outbox, in the words of the interface that the job came by."""

from collections.abc import Callable, Mapping

from pipeline.dialects import analysis, enhancement
from pipeline.domain.events import DeliveryState, EventType
from pipeline.domain.jobs import JobKind, JobStatus
from pipeline.domain.views import JobView
from pipeline.services.line import Ledger
from pipeline.services.views import job_view
from pipeline.store import Session
from pipeline.store.accounts import endpoint_of
from pipeline.store.events import DeliveryRow, EventRow
from pipeline.store.jobs import JobRow
from pipeline.store.notify import EVENTS, notify

Rendered = tuple[EventType, bytes]


def _enhancement(view: JobView) -> Rendered:
    event = EventType.BATCH_CANCELLED if view.status is JobStatus.CANCELLED else EventType.BATCH_COMPLETED
    return event, enhancement.webhook_body(view, event)


def _analysis(view: JobView) -> Rendered:
    return EventType.ANALYSIS_ENDED, analysis.result_bytes(view)


_WORDS: Mapping[JobKind, Callable[[JobView], Rendered]] = {
    JobKind.ENHANCEMENT: _enhancement,
    JobKind.IMAGE_ANALYSIS: _analysis,
    JobKind.VIDEO_ANALYSIS: _analysis,
}
_WITH_ITEMS = frozenset({JobKind.IMAGE_ANALYSIS, JobKind.VIDEO_ANALYSIS})
"""Kinds whose event carries the whole result."""
_WITH_ENDPOINT = frozenset({JobKind.ENHANCEMENT})
"""Kinds of which the account's registered endpoint hears; of the others only the webhook that came with the request."""


def tell(ledger: Ledger, session: Session, job: JobRow) -> None:
    """The event is in the outbox, for the job's own webhook or else for the account's endpoint."""
    view = job_view(ledger, session, job, items=job.kind in _WITH_ITEMS)
    event_type, body = _WORDS[job.kind](view)
    event = EventRow(
        account_id=job.account_id, job_id=job.id, generation=job.generation, type=event_type, body=body.decode()
    )
    session.add(event)
    session.flush()
    delivery = _delivery(session, job, event)
    if delivery is not None:
        session.add(delivery)
    notify(session, EVENTS)


def _delivery(session: Session, job: JobRow, event: EventRow) -> DeliveryRow | None:
    if job.webhook_url is not None:
        return DeliveryRow(
            event_id=event.id,
            account_id=job.account_id,
            url=job.webhook_url,
            secret_sealed=job.webhook_secret_sealed,
        )
    endpoint = endpoint_of(session, job.account_id) if job.kind in _WITH_ENDPOINT else None
    if endpoint is None:
        return None
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
    return delivery
