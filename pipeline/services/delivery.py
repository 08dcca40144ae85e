"""Telling customers: the outbox, tried on the Standard Webhooks schedule until it is delivered or dead."""

import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pipeline.adapters.signatures import hex_hmac_sha256, standard_webhook_headers
from pipeline.domain.events import DeliveryState, EventType, Judgement, Verdict, judge, next_attempt_in_s
from pipeline.errors import Conflict, NotFound, OperatorError
from pipeline.ports import WebhookAnswer, WebhookClient, WebhookMessage
from pipeline.services.checkpoints import checkpoint
from pipeline.services.line import Ledger
from pipeline.store import Session
from pipeline.store.accounts import EndpointRow
from pipeline.store.events import (
    DeliveryAttemptRow,
    DeliveryRow,
    EventRow,
    bury_pending,
    claim_due,
    deliveries_of_account,
    seconds_to_next,
)
from pipeline.store.notify import EVENTS, notify
from pipeline.version import VERSION

log = logging.getLogger(__name__)

RECORD_S = 10.0
"""To begin a claimed attempt and to write down what came of it. Claimed deliveries are held for the longest attempt and
this: two keepers never make the same attempt, and what a keeper had claimed when it died is due again after that."""
PER_ACCOUNT = 4
"""Attempts at one account's endpoints at the same time: a dead endpoint with a long queue holds up nobody else."""
DISABLE_AFTER = timedelta(days=3)
"""An account's endpoint that only failed for so long is disabled; a single success in between starts anew."""


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """One attempt to make, free of the database."""

    delivery_id: UUID
    account_id: UUID
    attempt: int
    message: WebhookMessage


def claim_deliveries(ledger: Ledger, *, limit: int, longest_s: float, busy: Sequence[UUID] = ()) -> list[DueDelivery]:
    """Deliveries that are due, signed for this attempt; none of the busy accounts.

    They are claimed for as long as the attempt may last. `longest_s` is the client's.
    """
    with ledger.database.session() as session:
        rows = claim_due(session, limit=limit, hold_s=longest_s + RECORD_S, per_account=PER_ACCOUNT, busy=busy)
        return [due for row in rows if (due := _prepared(ledger, session, row)) is not None]


def _prepared(ledger: Ledger, session: Session, row: DeliveryRow) -> DueDelivery | None:
    """The signed message; None for one whose secret cannot be opened, which is then a dead letter."""
    try:
        secret = None if row.secret_sealed is None else str(ledger.key.open(row.secret_sealed))
    except OperatorError as error:
        row.state, row.next_attempt_at, row.last_error = DeliveryState.DEAD, None, error.message
        return None
    event = session.get_one(EventRow, row.event_id)
    body = event.body.encode()
    headers = {
        "content-type": "application/json",
        "user-agent": f"Darkroom/{VERSION}",
        "webhook-id": str(event.id),
        "webhook-timestamp": str(int(time.time())),
        "x-darkroom-sequence": str(event.sequence),
    }
    if secret is not None:
        headers |= standard_webhook_headers(str(event.id), int(time.time()), body, secret)
        headers |= _contract_signature(ledger, EventType(event.type), hex_hmac_sha256(body, secret))
    return DueDelivery(row.id, row.account_id, row.attempts + 1, WebhookMessage(row.url, body, headers))


def _contract_signature(ledger: Ledger, event_type: EventType, digest: str) -> dict[str, str]:
    """The header that the interface's own receivers look for (contract sections 1 and 2)."""
    if event_type is EventType.ANALYSIS_ENDED:
        return {"x-webhook-signature": f"{ledger.options.analysis.signature_prefix}{digest}"}
    return {"signature": digest}


def deliver(ledger: Ledger, client: WebhookClient, due: DueDelivery) -> Verdict:
    """One attempt was made and recorded; a receiver that answered 2xx is not told again."""
    answer = client.post(due.message)
    checkpoint("webhook.answered")
    judgement = judge(answer.status, answer.retry_after_s)
    with ledger.database.session() as session:
        row = session.get_one(DeliveryRow, due.delivery_id, with_for_update=True)
        if row.state is not DeliveryState.PENDING:
            return judgement.verdict
        row.attempts = max(row.attempts, due.attempt)
        row.last_status, row.last_error = answer.status, answer.error
        session.add(
            DeliveryAttemptRow(
                delivery_id=row.id,
                attempt=row.attempts,
                status=answer.status,
                error=answer.error,
                duration_ms=answer.duration_ms,
            )
        )
        _record(session, row, judgement, answer)
    return judgement.verdict


def _record(session: Session, row: DeliveryRow, judgement: Judgement, answer: WebhookAnswer) -> None:
    now = datetime.now(UTC)
    endpoint = None if row.endpoint_id is None else session.get(EndpointRow, row.endpoint_id)
    if judgement.verdict is Verdict.DELIVERED:
        row.state, row.delivered_at, row.next_attempt_at = DeliveryState.DELIVERED, now, None
        if endpoint is not None:
            endpoint.failing_since = None
        return
    wait_s = next_attempt_in_s(row.attempts, judgement, jitter=random.random())  # noqa: S311 - spreads load, hides nothing
    if wait_s is None:
        row.state, row.next_attempt_at = DeliveryState.DEAD, None
        log.warning("Delivery %s to %s is dead after %s attempts.", row.id, row.url, row.attempts)
    else:
        row.next_attempt_at = now + timedelta(seconds=wait_s)
    if endpoint is None:
        return
    endpoint.failing_since = endpoint.failing_since or now
    if judgement.verdict is Verdict.GONE:
        _disable(session, endpoint, "The endpoint answered 410 Gone: it wants no more events.")
    elif now - endpoint.failing_since > DISABLE_AFTER:
        _disable(session, endpoint, f"Every delivery since {endpoint.failing_since:%Y-%m-%d %H:%M} UTC has failed.")


def _disable(session: Session, endpoint: EndpointRow, reason: str) -> None:
    """Nothing more is sent there; what was pending is a dead letter that can be replayed."""
    bury_pending(session, endpoint.id, f"The endpoint is disabled: {reason}")
    endpoint.enabled, endpoint.disabled_reason = False, reason
    log.warning("Endpoint %s is disabled: %s", endpoint.url, reason)


def next_due_in_s(ledger: Ledger, *, busy: Sequence[UUID] = ()) -> float | None:
    """Seconds until the next delivery of an account that is not busy is due; None when none is pending."""
    with ledger.database.session() as session:
        return seconds_to_next(session, busy=busy)


@dataclass(frozen=True, slots=True)
class DeliveryView:
    id: UUID
    event_id: UUID
    job_id: UUID
    type: str
    url: str
    state: DeliveryState
    attempts: int
    last_status: int | None
    last_error: str | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    created_at: datetime


def list_deliveries(
    ledger: Ledger, account_id: UUID | None, *, state: DeliveryState | None = None, limit: int = 50
) -> Sequence[DeliveryView]:
    """The newest deliveries, dead letters among them."""
    with ledger.database.session() as session:
        return [_view(row, event) for row, event in deliveries_of_account(session, account_id, state, limit)]


def replay(ledger: Ledger, delivery_id: UUID, *, account_id: UUID | None = None) -> DeliveryView:
    """The event is sent again, under the same webhook-id; raises `Conflict` while it is still being tried."""
    with ledger.database.session() as session:
        row = session.get(DeliveryRow, delivery_id, with_for_update=True)
        if row is None or (account_id is not None and row.account_id != account_id):
            raise NotFound("There is no such delivery.")
        if row.state is DeliveryState.PENDING:
            raise Conflict("The delivery is still being tried.")
        if row.created_at < ledger.kept_since:  # its secret is gone, and nobody takes an event without a signature
            raise Conflict("The delivery is past retention and cannot be signed again: ask for the batch instead.")
        event = session.get_one(EventRow, row.event_id)
        if not event.body:  # it showed faces, and their time is over
            raise Conflict("What the event said of faces is past its retention: ask for the job's result instead.")
        row.state, row.attempts, row.next_attempt_at = DeliveryState.PENDING, 0, datetime.now(UTC)
        notify(session, EVENTS)
        return _view(row, event)


def _view(row: DeliveryRow, event: EventRow) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        event_id=event.id,
        job_id=event.job_id,
        type=event.type,
        url=row.url,
        state=row.state,
        attempts=row.attempts,
        last_status=row.last_status,
        last_error=row.last_error,
        next_attempt_at=row.next_attempt_at,
        delivered_at=row.delivered_at,
        created_at=row.created_at,
    )
