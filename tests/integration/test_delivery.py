"""The outbox on a real ledger, a real keeper thread and a real receiver."""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from pipeline.adapters.address_guard import AddressGuard
from pipeline.adapters.webhook_client import HttpWebhookClient
from pipeline.domain.events import RETRY_SCHEDULE_S, DeliveryState, EventType
from pipeline.errors import Conflict
from pipeline.services.accounts import register_endpoint, show_endpoint
from pipeline.services.delivery import DISABLE_AFTER, list_deliveries, replay
from pipeline.services.keeping import keep
from pipeline.services.line import Ledger
from pipeline.services.sealing import SealingKey
from pipeline.store.accounts import EndpointRow, endpoint_of
from pipeline.store.events import DeliveryAttemptRow, DeliveryRow, EventRow
from pipeline.store.notify import EVENTS, notify
from tests.factories import a_job, an_account
from tests.fakes import NoStore
from tests.receivers import Receiver, receiving

SECRET = "a secret passphrase"
KEEPERS_DEADLINE_S = 60.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@contextmanager
def a_keeper(ledger: Ledger, *ports: int) -> Iterator[None]:
    """A keeper at work inside the block, that may reach these ports of loopback."""
    guard = AddressGuard(frozenset(("127.0.0.1", port) for port in ports), frozenset())
    stop = threading.Event()
    thread = threading.Thread(
        target=keep, args=(ledger, NoStore(), HttpWebhookClient(guard, deadline_s=KEEPERS_DEADLINE_S), stop)
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def tell(ledger: Ledger, url: str, *, endpoint: EndpointRow | None = None, account_id: UUID | None = None) -> UUID:
    """An event in the outbox for this URL; the delivery's id."""
    job = a_job(ledger, an_account(ledger))
    with ledger.database.session() as session:
        from pipeline.store.jobs import JobRow

        row = session.get_one(JobRow, job)
        event = EventRow(
            account_id=account_id or row.account_id,
            job_id=job,
            generation=1,
            type=EventType.BATCH_COMPLETED,
            body=json.dumps({"event": "batch.completed", "id": str(job)}),
        )
        session.add(event)
        session.flush()
        delivery = DeliveryRow(
            event_id=event.id,
            account_id=event.account_id,
            url=url,
            endpoint_id=None if endpoint is None else endpoint.id,
            secret_sealed=ledger.key.seal(SECRET),
        )
        session.add(delivery)
        session.flush()
        notify(session, EVENTS)
        return delivery.id


def delivery(ledger: Ledger, delivery_id: UUID) -> DeliveryRow:
    with ledger.database.session() as session:
        return session.get_one(DeliveryRow, delivery_id)


def make_due(ledger: Ledger, delivery_id: UUID) -> None:
    """As if the schedule's wait were over."""
    with ledger.database.session() as session:
        session.get_one(DeliveryRow, delivery_id).next_attempt_at = datetime.now(UTC)
        notify(session, EVENTS)


def test_a_message_carries_the_contracts_signature_and_the_standard_one(ledger: Ledger, receiver: Receiver) -> None:
    tell(ledger, receiver.url)
    with a_keeper(ledger, receiver.port):
        (message,) = receiver.wait_for(1)
    expected = hmac.new(SECRET.encode(), message.body, hashlib.sha256).hexdigest()
    assert message.headers["signature"] == expected
    import base64

    verified = Webhook(base64.b64encode(SECRET.encode()).decode()).verify(message.body, message.headers)
    assert verified["event"] == "batch.completed"


def test_every_try_has_the_same_id_and_each_is_recorded(
    ledger: Ledger, receiver: Receiver, until: Callable[..., None]
) -> None:
    receiver.answer = lambda number: (500, {}) if number < 2 else (200, {})
    told = tell(ledger, receiver.url)
    with a_keeper(ledger, receiver.port):
        for tries in (1, 2):
            until(lambda tries=tries: delivery(ledger, told).attempts == tries)
            make_due(ledger, told)
        until(lambda: delivery(ledger, told).state is DeliveryState.DELIVERED)
    assert len({message.headers["webhook-id"] for message in receiver.received}) == 1
    with ledger.database.session() as session:
        statuses = session.scalars(select(DeliveryAttemptRow.status).order_by(DeliveryAttemptRow.id)).all()
    assert statuses == [500, 500, 200]


def test_a_failed_try_waits_as_the_schedule_says(
    ledger: Ledger, receiver: Receiver, until: Callable[..., None]
) -> None:
    receiver.answer = lambda number: (500, {})
    told = tell(ledger, receiver.url)
    with a_keeper(ledger, receiver.port):
        until(lambda: delivery(ledger, told).attempts == 1)
    row = delivery(ledger, told)
    assert row.next_attempt_at is not None
    wait_s = (row.next_attempt_at - datetime.now(UTC)).total_seconds()
    assert wait_s <= RETRY_SCHEDULE_S[1] * 1.1


def test_an_answer_of_429_is_heard(ledger: Ledger, receiver: Receiver, until: Callable[..., None]) -> None:
    receiver.answer = lambda number: (429, {"Retry-After": "120"})
    told = tell(ledger, receiver.url)
    with a_keeper(ledger, receiver.port):
        until(lambda: delivery(ledger, told).attempts == 1)
    row = delivery(ledger, told)
    assert row.next_attempt_at is not None
    assert row.next_attempt_at > datetime.now(UTC) + timedelta(seconds=100)


def test_the_last_failure_is_a_dead_letter_that_can_be_replayed(
    ledger: Ledger, receiver: Receiver, until: Callable[..., None]
) -> None:
    receiver.answer = lambda number: (500, {}) if number == 0 else (200, {})
    told = tell(ledger, receiver.url)
    with ledger.database.session() as session:
        session.get_one(DeliveryRow, told).attempts = len(RETRY_SCHEDULE_S) - 1
    with a_keeper(ledger, receiver.port):
        until(lambda: delivery(ledger, told).state is DeliveryState.DEAD)
        assert [view.id for view in list_deliveries(ledger, None, state=DeliveryState.DEAD)] == [told]
        replay(ledger, told)
        until(lambda: delivery(ledger, told).state is DeliveryState.DELIVERED)
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_a_delivery_that_is_still_tried_cannot_be_replayed(ledger: Ledger) -> None:
    told = tell(ledger, "http://127.0.0.1:9/")
    with pytest.raises(Conflict):
        replay(ledger, told)


def registered(ledger: Ledger, url: str) -> EndpointRow:
    caller = an_account(ledger, "endpoint-owner")
    register_endpoint(ledger, caller.name, url, secret=SECRET)
    with ledger.database.session() as session:
        row = endpoint_of(session, caller.account_id)
    assert row is not None
    return row


def test_an_endpoint_that_is_gone_is_disabled(ledger: Ledger, receiver: Receiver, until: Callable[..., None]) -> None:
    receiver.answer = lambda number: (410, {})
    endpoint = registered(ledger, receiver.url)
    told = tell(ledger, receiver.url, endpoint=endpoint, account_id=endpoint.account_id)
    with a_keeper(ledger, receiver.port):
        until(lambda: delivery(ledger, told).state is DeliveryState.DEAD)
    view = show_endpoint(ledger, endpoint.account_id)
    assert not view.enabled and view.disabled_reason is not None and "410" in view.disabled_reason


@pytest.mark.parametrize(("failing_for", "enabled"), [(DISABLE_AFTER * 2, False), (timedelta(hours=1), True)])
def test_only_sustained_failure_disables_an_endpoint(
    ledger: Ledger, receiver: Receiver, until: Callable[..., None], failing_for: timedelta, enabled: bool
) -> None:
    receiver.answer = lambda number: (500, {})
    endpoint = registered(ledger, receiver.url)
    with ledger.database.session() as session:
        session.get_one(EndpointRow, endpoint.id).failing_since = datetime.now(UTC) - failing_for
    told = tell(ledger, receiver.url, endpoint=endpoint, account_id=endpoint.account_id)
    with a_keeper(ledger, receiver.port):
        until(lambda: delivery(ledger, told).attempts == 1)
    assert show_endpoint(ledger, endpoint.account_id).enabled is enabled


def test_a_success_in_between_ends_a_failing_spell(
    ledger: Ledger, receiver: Receiver, until: Callable[..., None]
) -> None:
    endpoint = registered(ledger, receiver.url)
    with ledger.database.session() as session:
        session.get_one(EndpointRow, endpoint.id).failing_since = datetime.now(UTC) - timedelta(hours=1)
    told = tell(ledger, receiver.url, endpoint=endpoint, account_id=endpoint.account_id)
    with a_keeper(ledger, receiver.port):
        until(lambda: delivery(ledger, told).state is DeliveryState.DELIVERED)
    assert show_endpoint(ledger, endpoint.account_id).failing_since is None


def test_one_secret_that_cannot_be_opened_stops_only_its_own_delivery(
    ledger: Ledger, receiver: Receiver, until: Callable[..., None]
) -> None:
    broken = tell(ledger, receiver.url)
    with ledger.database.session() as session:
        session.get_one(DeliveryRow, broken).secret_sealed = SealingKey("another installation's secret").seal(SECRET)
    told = tell(ledger, receiver.url)
    with a_keeper(ledger, receiver.port):
        until(lambda: delivery(ledger, told).state is DeliveryState.DELIVERED)
        until(lambda: delivery(ledger, broken).state is DeliveryState.DEAD)
    assert "DARKROOM_SECRET_KEY" in str(delivery(ledger, broken).last_error)


def test_what_was_pending_for_a_disabled_endpoint_is_a_dead_letter(
    ledger: Ledger, receiver: Receiver, until: Callable[..., None]
) -> None:
    receiver.answer = lambda number: (410, {})
    endpoint = registered(ledger, receiver.url)
    later = tell(ledger, receiver.url, endpoint=endpoint, account_id=endpoint.account_id)
    with ledger.database.session() as session:
        session.get_one(DeliveryRow, later).next_attempt_at = datetime.now(UTC) + timedelta(hours=1)
    told = tell(ledger, receiver.url, endpoint=endpoint, account_id=endpoint.account_id)
    with a_keeper(ledger, receiver.port):
        until(lambda: delivery(ledger, told).state is DeliveryState.DEAD)
    assert delivery(ledger, later).state is DeliveryState.DEAD


def test_an_internal_address_is_refused_at_each_send(
    ledger: Ledger, receiver: Receiver, until: Callable[..., None]
) -> None:
    told = tell(ledger, receiver.url)
    with a_keeper(ledger):
        until(lambda: delivery(ledger, told).attempts == 1)
    row = delivery(ledger, told)
    assert row.last_status is None and row.last_error is not None and "may not be called" in row.last_error
    assert receiver.received == []


def test_two_keepers_send_a_message_once(ledger: Ledger, receiver: Receiver, until: Callable[..., None]) -> None:
    with a_keeper(ledger, receiver.port), a_keeper(ledger, receiver.port):
        told = [tell(ledger, receiver.url) for _ in range(10)]
        until(lambda: all(delivery(ledger, one).state is DeliveryState.DELIVERED for one in told))
    ids = [message.headers["webhook-id"] for message in receiver.received]
    assert len(ids) == len(set(ids)) == 10


def test_one_accounts_dead_endpoint_holds_up_nobody_else(
    ledger: Ledger, receiver: Receiver, until: Callable[..., None]
) -> None:
    release = threading.Event()

    def hang(number: int) -> tuple[int, dict[str, str]]:
        release.wait(60)
        return 500, {}

    with receiving() as dead:
        dead.answer = hang
        owner = an_account(ledger, "dead-owner")
        for _ in range(60):
            tell(ledger, dead.url, account_id=owner.account_id)
        with a_keeper(ledger, receiver.port, dead.port):
            dead.wait_for(1)
            told = tell(ledger, receiver.url)
            try:
                until(lambda: delivery(ledger, told).state is DeliveryState.DELIVERED)
            finally:
                release.set()
