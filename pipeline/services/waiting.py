"""Waiting for work without polling."""

import time

from pipeline.services.dispatch import ShardOrder, claim_shards
from pipeline.services.line import Ledger
from pipeline.store.notify import STOP, WORK

LOOK_S = 2.0
"""Without a notification the queue is looked at this often: back-offs end by the clock, not by an event."""


def wait_for_shards(ledger: Ledger, *, until: float) -> list[ShardOrder]:
    """Claimed shards as soon as there are any; empty at `until` (monotonic seconds) or when the instance stops."""
    with ledger.database.listen(WORK, STOP) as listener:
        while True:
            orders = claim_shards(ledger)
            left_s = until - time.monotonic()
            if orders or left_s <= 0:
                return orders
            if STOP in listener.wait(min(LOOK_S, left_s)):
                return []
