"""The keeper: what must go on when Dagster is down. Several may run; each claims what it does."""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from pipeline.errors import PipelineError
from pipeline.ports import ObjectStore, WebhookClient
from pipeline.services import alerts, deadlines, delivery, leases, sweeping
from pipeline.services.line import Ledger
from pipeline.store.notify import EVENTS, STOP

log = logging.getLogger(__name__)

LOOK_S = 0.5
"""Leases and time limits are looked at this often (architecture 1)."""
ALERTS_S = 5.0
TAKE_BACK_S = 5.0
SWEEP_S = 3600.0
SENDERS = 16


def keep(ledger: Ledger, store: ObjectStore, client: WebhookClient, stop: threading.Event) -> None:
    """Returns when `stop` is set; until then webhooks go out, dead runs lose their leases, orphans are swept."""
    duties: tuple[tuple[str, Callable[[], None]], ...] = (
        ("outbox", lambda: _send(ledger, client, stop)),
        ("leases", lambda: _expire(ledger, stop)),
        ("deadlines", lambda: _repeat(lambda: deadlines.enforce(ledger), LOOK_S, stop)),
        ("alerts", lambda: _repeat(lambda: alerts.check(ledger), ALERTS_S, stop)),
        ("taker back", lambda: _repeat(lambda: sweeping.take_back(ledger, store), TAKE_BACK_S, stop)),
        ("sweeper", lambda: _repeat(lambda: (sweeping.forget(ledger), sweeping.sweep(ledger, store)), SWEEP_S, stop)),
    )
    threads = [threading.Thread(target=duty, name=name) for name, duty in duties]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _repeat(duty: Callable[[], object], every_s: float, stop: threading.Event) -> None:
    while True:
        _guarded(duty)
        if stop.wait(every_s):
            return


def _expire(ledger: Ledger, stop: threading.Event) -> None:
    """Leases run out. After a database was away all get a whole lease more: it heard nobody's sign of life."""
    while True:
        heard = _guarded(lambda: leases.expire_leases(ledger))
        if stop.wait(LOOK_S if heard else ledger.options.lease_s):
            return


def _guarded(duty: Callable[[], object]) -> bool:
    """The duty was done; trouble of the database or the store is logged and the duty comes round again."""
    try:
        duty()
    except PipelineError as error:
        log.warning("The keeper goes on after: %s", error)
        return False
    except Exception:
        log.exception("The keeper goes on after a fault of ours.")
        return False
    return True


class _Senders:
    """Threads that each make one attempt at a time, at most a few for the same account."""

    def __init__(self, ledger: Ledger, client: WebhookClient) -> None:
        self.ledger, self.client = ledger, client
        self.pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhook")
        self._lock = threading.Lock()
        self._at_work: Counter[UUID] = Counter()

    @property
    def free(self) -> int:
        with self._lock:
            return SENDERS - self._at_work.total()

    @property
    def busy(self) -> list[UUID]:
        """Accounts with as many attempts under way as one account may have."""
        with self._lock:
            return [account for account, count in self._at_work.items() if count >= delivery.PER_ACCOUNT]

    def start(self, due: delivery.DueDelivery) -> None:
        with self._lock:
            self._at_work[due.account_id] += 1
        self.pool.submit(self._one, due)

    def _one(self, due: delivery.DueDelivery) -> None:
        try:
            _guarded(lambda: delivery.deliver(self.ledger, self.client, due))
        finally:
            with self._lock:
                self._at_work[due.account_id] -= 1


def _send(ledger: Ledger, client: WebhookClient, stop: threading.Event) -> None:
    """Deliveries go out as soon as they are due, many at once."""
    senders = _Senders(ledger, client)
    try:
        while not stop.is_set():
            if not _guarded(lambda: _send_and_listen(senders, stop)):
                stop.wait(1.0)
    finally:
        senders.pool.shutdown(cancel_futures=True)


def _send_and_listen(senders: _Senders, stop: threading.Event) -> None:
    ledger = senders.ledger
    with ledger.database.listen(EVENTS, STOP) as listener:
        while not stop.is_set():
            if senders.free:
                longest_s = senders.client.longest_s
                for due in delivery.claim_deliveries(
                    ledger, limit=senders.free, longest_s=longest_s, busy=senders.busy
                ):
                    senders.start(due)
            due_in_s = delivery.next_due_in_s(ledger, busy=senders.busy)
            wait_s = LOOK_S if due_in_s is None else min(LOOK_S, max(0.02, due_in_s))
            listener.wait(wait_s if senders.free else LOOK_S / 10)
