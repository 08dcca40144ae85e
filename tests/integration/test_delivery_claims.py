"""Claimed deliveries are held for as long as an attempt may last, so that nobody is told twice."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pipeline.adapters.address_guard import AddressGuard
from pipeline.adapters.webhook_client import HttpWebhookClient
from pipeline.domain.events import DeliveryState
from pipeline.services.delivery import RECORD_S, claim_deliveries
from pipeline.services.line import Ledger
from pipeline.setting_values import LONGEST_ANSWER_S
from pipeline.store.events import DeliveryRow
from tests.integration.test_delivery import KEEPERS_DEADLINE_S, a_keeper, delivery, make_due, tell
from tests.receivers import receiving


def test_no_other_keeper_takes_a_message_while_the_longest_attempt_lasts(ledger: Ledger) -> None:
    told = tell(ledger, "http://127.0.0.1:9/")
    longest_s = HttpWebhookClient(AddressGuard(), deadline_s=LONGEST_ANSWER_S).longest_s
    assert longest_s > 2 * LONGEST_ANSWER_S

    def claimed_after(seconds: float) -> list[UUID]:
        """Claimed once, and then again when so much time has passed."""
        make_due(ledger, told)
        assert len(claim_deliveries(ledger, limit=1, longest_s=longest_s)) == 1
        with ledger.database.session() as session:
            row = session.get_one(DeliveryRow, told)
            assert row.next_attempt_at is not None
            row.next_attempt_at -= timedelta(seconds=seconds)
        return [due.delivery_id for due in claim_deliveries(ledger, limit=1, longest_s=longest_s)]

    assert claimed_after(longest_s) == []
    assert claimed_after(longest_s + RECORD_S) == [told]


def test_a_keeper_holds_its_claims_for_as_long_as_its_client_may_take(
    ledger: Ledger, until: Callable[..., None]
) -> None:
    release = threading.Event()

    def hang(number: int) -> tuple[int, dict[str, str]]:
        release.wait(60)
        return 200, {}

    with receiving() as receiver:
        receiver.answer = hang
        told = tell(ledger, receiver.url)
        with a_keeper(ledger, receiver.port):
            receiver.wait_for(1)
            held_until = delivery(ledger, told).next_attempt_at
            now = datetime.now(UTC)
            release.set()
            until(lambda: delivery(ledger, told).state is DeliveryState.DELIVERED)
    assert held_until is not None and held_until > now + timedelta(seconds=2 * KEEPERS_DEADLINE_S)
