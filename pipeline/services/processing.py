"""Walking a shard's items through one stage: a thread pool, results written in small fenced transactions."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from pipeline.domain.jobs import ItemError, ItemState, Outcome, Stage
from pipeline.errors import (
    CapabilityUnavailable,
    MediaError,
    ShardLost,
    SourceExhausted,
    SourceUnavailable,
    Stopped,
    TransientError,
)
from pipeline.services.checkpoints import checkpoint
from pipeline.services.ending import account_for_ended
from pipeline.services.leases import add_seconds
from pipeline.services.line import Line
from pipeline.store.database import background
from pipeline.store.items import ItemRow, apply_results, items_for_stage, mark_in_flight
from pipeline.store.jobs import locked_jobs
from pipeline.store.shards import Fence, ShardRow, hold
from pipeline.store.values import dump, require_storable

log = logging.getLogger(__name__)

Patch = dict[str, Any]
Work = Callable[[Line, ItemRow, Fence], Patch]
"""What a stage does for one item: reads and writes objects, returns the columns to set."""

MAX_SOURCE_TRIES = 6
"""A source that was unavailable this often, over about 8 minutes of back-off, fails its item."""
BACK_OFF_S = (2.0, 10.0, 30.0, 60.0, 120.0, 300.0)
MAX_RETRY_AFTER_S = 900.0
"""A source may ask for a quarter of an hour, not for years: with six tries its item ends within 90 minutes."""
FIRST_WINDOW, WIDEST_WINDOW = 16, 64
"""Items in flight at a time: few, for each is a suspect when the process dies; more where items are quick."""
FLUSH_S = 0.5
"""Results wait no longer than this for others: progress shows, and a death repeats little."""


@dataclass(slots=True)
class StageCounts:
    """What a stage did in one run."""

    stage: Stage
    items: int = 0
    failed: int = 0
    handed_back: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of the whole process while the stage ran: beside `seconds` it shows whether the cores were used."""
    busy_ms: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    scores: list[float] = field(default_factory=list)

    @property
    def seconds_per_item(self) -> float:
        return self.busy_ms / 1000 / self.items if self.items else 0.0


def walk(line: Line, fence: Fence, stage: Stage, work: Work) -> StageCounts:
    """Every item of the shard that waits for this stage has passed it, failed with its reason, or was handed back.

    Raises `ShardLost` as soon as a write finds that another run has taken over.
    """
    with line.database.session() as session:
        items = items_for_stage(session, fence.shard_id, stage)
        shard = session.get(ShardRow, fence.shard_id)
        isolated = shard is not None and shard.isolated
    counts = StageCounts(stage)
    started, cpu = time.monotonic(), time.process_time()
    _Walk(line, fence, stage, work, counts, isolated=isolated).run(items)
    counts.seconds, counts.cpu_seconds = time.monotonic() - started, time.process_time() - cpu
    with line.database.session() as session:
        add_seconds(session, fence, counts.seconds)
    return counts


class _Walk:
    """One walk: what is pending, in flight and ready to be written."""

    def __init__(
        self, line: Line, fence: Fence, stage: Stage, work: Work, counts: StageCounts, *, isolated: bool
    ) -> None:
        self.line, self.fence, self.stage, self.work, self.counts = line, fence, stage, work, counts
        options = line.options
        threads = options.download_threads if stage is Stage.DOWNLOAD else options.threads
        # Suspects are walked one at a time, so that a process that dies again names the one to blame.
        self.threads = 1 if isolated else threads
        # More in flight than threads, or a thread waits for the ledger (joints-facts, rule 9).
        self.window = 1 if isolated else max(FIRST_WINDOW, 2 * threads)
        self.widest = 1 if isolated else max(WIDEST_WINDOW, self.window)
        self.pending: deque[ItemRow] = deque()
        self.running: dict[Future[Patch], ItemRow] = {}
        self.ready: list[Patch] = []
        self.written_at = time.monotonic()

    def run(self, items: Sequence[ItemRow]) -> None:
        self.pending.extend(items)
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix=str(self.stage))
        try:
            while self.pending or self.running or self.ready:
                if self._has_reason_to_write():
                    refill = self._write_and_refill()
                    if all(future.done() for future in self.running):  # the threads had to wait for the ledger
                        self.window = min(2 * self.window, self.widest)
                    for item in refill:
                        self.running[pool.submit(self._one, item)] = item
                self._collect()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _has_reason_to_write(self) -> bool:
        room = self.window - len(self.running)
        half = self.window // 2
        overdue = bool(self.ready) and time.monotonic() - self.written_at > FLUSH_S
        return not self.running or overdue or len(self.ready) >= half or (room >= half and bool(self.pending))

    def _collect(self) -> None:
        if not self.running:
            return
        done, _ = wait(self.running, timeout=FLUSH_S, return_when=FIRST_COMPLETED)
        for future in done:
            del self.running[future]
            patch = future.result()
            self._tally(patch)
            self.ready.append(patch)

    def _write_and_refill(self) -> list[ItemRow]:
        """One transaction: what is ready is written, the next items are marked in flight."""
        chunk = [self.pending.popleft() for _ in range(min(self.window - len(self.running), len(self.pending)))]
        ready, self.ready, self.written_at = self.ready, [], time.monotonic()
        ending = {patch["job_id"] for patch in ready if patch["state"] == ItemState.ENDED}
        rows = [{name: value for name, value in patch.items() if name != "job_id"} for patch in ready]
        with self.line.database.session() as session:
            if not ending:
                background(session)
            jobs = locked_jobs(session, ending)
            hold(session, self.fence)
            written = apply_results(session, self.fence.shard_id, rows)
            ended = [job_id for _, job_id, state in written if state is ItemState.ENDED]
            account_for_ended(session, jobs, ended, shard_id=self.fence.shard_id)
            alive = mark_in_flight(session, self.fence.shard_id, [item.id for item in chunk]) if chunk else set()
        checkpoint(f"{self.stage}.committed")
        return [item for item in chunk if item.id in alive]

    def _one(self, item: ItemRow) -> Patch:
        """The item's patch, whatever happens: a bad item never harms the others."""
        checkpoint(f"{self.stage}.item", item.position)
        started = time.monotonic()
        try:
            patch = {
                "state": ItemState.CLAIMED,
                "stage_done": self.stage.rank,
                "tries": 0,
                **self.work(self.line, item, self.fence),
            }
            require_storable(patch)  # else the write fails, with every other item's in it, in each run anew
        except ShardLost:
            raise
        except Stopped as error:  # whoever asked for it ends the item, or has: else it is ours again in a moment
            patch = self._handed_back(item, TransientError(error.message))
        except TransientError as error:
            patch = self._handed_back(item, error)
        except CapabilityUnavailable as error:
            patch = self._failed(item, ItemError(error.code, self.stage, error.message, retryable=True))
        except MediaError as error:
            patch = self._failed(item, ItemError(error.code, self.stage, error.message, error.retryable))
        except Exception:
            log.exception("Stage %s failed on item %s by a fault of ours.", self.stage, item.id)
            patch = self._failed(item, our_fault(self.stage))
        elapsed_ms = round((time.monotonic() - started) * 1000, 1)
        return {"id": item.id, "job_id": item.job_id, "timings": {self.stage: elapsed_ms}, **patch}

    def _tally(self, patch: Patch) -> None:
        counts = self.counts
        counts.items += 1
        counts.busy_ms += patch["timings"][self.stage]
        counts.bytes_in += patch.pop("bytes_in", 0)
        counts.bytes_out += patch.pop("bytes_out", 0)
        if patch.get("score") is not None:
            counts.scores.append(patch["score"])
        if patch["state"] is ItemState.WAITING:
            counts.handed_back += 1
        if patch.get("outcome") is Outcome.FAILED:
            counts.failed += 1

    def _failed(self, item: ItemRow, error: ItemError) -> Patch:
        return {
            "state": ItemState.ENDED,
            "stage_done": item.stage_done,
            "tries": item.tries,
            "outcome": Outcome.FAILED,
            "failed_stage": self.stage,
            "error": dump(error),
        }

    def _handed_back(self, item: ItemRow, error: TransientError) -> Patch:
        """The item waits and comes back in another shard; a source is given up after its last try."""
        tries = item.tries + (1 if isinstance(error, SourceUnavailable) else 0)
        if tries >= MAX_SOURCE_TRIES:
            message = f"{error.message} It stayed so over {tries} tries."
            return self._failed(item, ItemError(SourceExhausted.code, self.stage, message, retryable=True))
        back_off_s = BACK_OFF_S[min(max(tries, 1), len(BACK_OFF_S)) - 1]
        return {
            "state": ItemState.WAITING,
            "stage_done": item.stage_done,
            "tries": tries,
            "retry_in_s": min(max(back_off_s, error.retry_after_s or 0.0), MAX_RETRY_AFTER_S),
        }


def our_fault(stage: Stage) -> ItemError:
    """What a customer is told of a bug: nothing internal, and that trying again is worth it."""
    return ItemError(
        "internal_error", stage, "Something went wrong on our side with this file: try it again.", retryable=True
    )
