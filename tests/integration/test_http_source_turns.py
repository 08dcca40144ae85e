"""The cap on fetches from one host: kept, used, and never held against the source."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.adapters.address_guard import AddressGuard
from pipeline.adapters.guarded_http import Call, GuardedClient
from pipeline.adapters.watch import Deadline
from pipeline.errors import SourceBusy
from tests.integration.http_sources import PICTURE, fetched, source_for
from tests.integration.local_servers import Exchange, answers, response, serving

LONG_S = 60.0
"""More than any of these tests takes on a busy machine: what it limits ends for another reason."""


class Gate:
    """Answers nobody before it is opened; `came` counts those who have asked."""

    def __init__(self) -> None:
        self.came, self.opened = threading.Semaphore(0), threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        self.came.release()
        assert self.opened.wait(LONG_S)
        exchange.send(response(PICTURE))


class Crowd:
    """Answers nobody before `expected` requests are there at once, and counts how many there ever were."""

    def __init__(self, expected: int) -> None:
        self.lock, self.full = threading.Lock(), threading.Event()
        self.expected, self.now, self.most = expected, 0, 0

    def __call__(self, exchange: Exchange) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            if self.now == self.expected:
                self.full.set()
        assert self.full.wait(LONG_S)
        exchange.stopping.wait(0.02)
        with self.lock:
            self.now -= 1
        exchange.send(response(PICTURE))


class Clock:
    """Stands still until it is moved; `seen` says that somebody has looked at it."""

    def __init__(self) -> None:
        self.now, self.seen = 0.0, threading.Event()

    def __call__(self) -> float:
        now = self.now
        self.seen.set()
        return now


def test_the_cap_per_host_holds_and_is_used() -> None:
    crowd = Crowd(3)
    with serving(crowd) as server, ThreadPoolExecutor(20) as pool:
        source = source_for(server, per_host=3)
        assert set(pool.map(lambda number: fetched(source, server.url(f"/{number}.jpg")), range(20))) == {PICTURE}
        assert crowd.most == 3
        assert server.connections == 3


def test_other_hosts_go_on_beside_one_whose_turns_are_all_taken() -> None:
    gate = Gate()
    with serving(gate) as slow, serving(answers(response(PICTURE))) as quick, ThreadPoolExecutor(4) as pool:
        source = source_for(slow, quick, per_host=4)
        slow_ones = [pool.submit(fetched, source, slow.url(host="slow.test")) for _ in range(4)]
        assert all(gate.came.acquire(timeout=LONG_S) for _ in slow_ones)
        assert fetched(source, quick.url(host="quick.test")) == PICTURE
        assert not any(one.done() for one in slow_ones)
        gate.opened.set()
        assert {one.result() for one in slow_ones} == {PICTURE}


def test_waiting_for_a_turn_does_not_count_against_the_source() -> None:
    clock = Clock()
    deadline = Deadline(LONG_S, clock)
    with serving(answers(response(PICTURE))) as server, ThreadPoolExecutor(1) as pool:
        client = GuardedClient(AddressGuard(allow=frozenset({server.address})), per_host=1, clock=clock)
        call = Call("GET", server.url())

        def wait_for_a_turn() -> bytes:
            with client.open(call, deadline, slot_timeout_s=LONG_S) as answer:
                return b"".join(answer.stream())

        with client.open(call, Deadline(LONG_S, clock)):
            clock.seen.clear()
            waiting = pool.submit(wait_for_a_turn)
            assert clock.seen.wait(LONG_S), "the wait for a turn begins with a look at the clock"
            clock.now += 100 * LONG_S
        assert waiting.result() == PICTURE
    assert deadline.remaining_s == LONG_S


def test_a_fetch_that_gets_no_turn_is_handed_back() -> None:
    gate = Gate()
    with serving(gate) as server, ThreadPoolExecutor(1) as pool:
        source = source_for(server, per_host=1, hand_back_s=0.1)
        first = pool.submit(fetched, source, server.url())
        assert gate.came.acquire(timeout=LONG_S)
        with pytest.raises(SourceBusy):
            fetched(source, server.url())
        gate.opened.set()
        assert first.result() == PICTURE
