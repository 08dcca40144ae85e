"""Watching batches until they end: a bar per stage for a terminal, a line now and then for a log."""

import time
from collections.abc import Mapping, Sequence
from math import inf
from types import TracebackType
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from pipeline.cli.client import ApiClient
from pipeline.cli.output import console, seconds_in_words
from pipeline.domain.jobs import ITEM_STAGES
from pipeline.errors import OperatorError

LOOK_EVERY_S = 1.0
SHARE_OF_TIME = 0.1
"""A batch of 800 pictures is a long answer: asking takes at most a tenth of the time, of the server's as of ours."""
LOG_STEP = 25
"""Per cent between two lines of a log."""
ENDED = ("COMPLETED", "CANCELLED")


class Shown(Protocol):
    """Whom `follow` tells."""

    def update(self, bodies: list[dict[str, Any]]) -> None:
        """The batches stand like this now."""


class Watch:
    """Shows progress on stderr while it is open: `say` for sentences, `update` for batches, `count` for anything."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = console(stderr=True) if not quiet else Console(quiet=True)
        self._bars = Progress(
            TextColumn("{task.description:10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._done: dict[str, int] = {}
        self._logged = -1

    def __enter__(self) -> "Watch":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """The bars stand still from now on: stdout may be written to."""
        self._bars.stop()

    def say(self, text: str) -> None:
        """One sentence, above the bars."""
        self._console.print(text, soft_wrap=True)

    def done(self, name: str) -> int:
        """How many the bar of this name shows."""
        return self._done.get(name, 0)

    def count(self, name: str, done: int, total: int, *, left: str = "") -> None:
        """The bar of this name shows so many of so many."""
        self._done[name] = done
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total, left="")
        self._bars.update(self._tasks[name], completed=done, total=total, left=left)

    def update(self, bodies: Sequence[Mapping[str, Any]]) -> None:
        """Every stage has its bar, the whole its own with the time that is left."""
        total = sum(body["counts"]["total"] for body in bodies)
        for stage, passed in passed_stages(bodies).items():
            self.count(stage, passed, total)
        ended = total - sum(sum(body["stages"].values()) for body in bodies)
        estimates = [body["eta_seconds"] for body in bodies if body["eta_seconds"] is not None]
        left = f"about {seconds_in_words(max(estimates))} left" if estimates and ended < total else ""
        self.count("pictures", ended, total, left=left)
        self._log(ended, total, left)

    def _log(self, ended: int, total: int, left: str) -> None:
        step = 100 * ended // max(total, 1) // LOG_STEP
        if step > self._logged and not self._console.is_terminal:
            self.say(f"{ended} of {total} pictures have ended{', ' + left if left else ''}.")
            self._logged = step


def passed_stages(bodies: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """For each stage, how many pictures have it behind them; one that ended early has all of them behind it."""
    waiting = [sum(body["stages"].get(stage, 0) for body in bodies) for stage in ITEM_STAGES]
    total = sum(body["counts"]["total"] for body in bodies)
    return {stage.value: total - sum(waiting[: rank + 1]) for rank, stage in enumerate(ITEM_STAGES)}


def follow(
    client: ApiClient, batch_ids: Sequence[str], watch: Shown, *, patience_s: float = inf
) -> list[dict[str, Any]]:
    """The batches as they ended, in the same order. Raises `OperatorError` when nothing moves for `patience_s`."""
    bodies: dict[str, dict[str, Any]] = {}
    moved_at, last = time.monotonic(), ""
    while True:
        began = time.monotonic()
        for batch_id in batch_ids:
            if batch_id not in bodies or not is_final(bodies[batch_id]):
                bodies[batch_id] = client.batch(batch_id)
        watch.update(list(bodies.values()))
        if all(is_final(body) for body in bodies.values()):
            return [bodies[batch_id] for batch_id in batch_ids]
        now = repr([(body["status"], body["stages"]) for body in bodies.values()])
        if now != last:
            moved_at, last = began, now
        if began - moved_at > patience_s:
            raise OperatorError(f"Nothing has moved for {patience_s:g} s: `darkroom status` may say why.")
        time.sleep(max(LOOK_EVERY_S, (time.monotonic() - began) / SHARE_OF_TIME))


def is_final(body: Mapping[str, Any]) -> bool:
    """Ended, with its report made: a cancelled batch says CANCELLED before that."""
    return body["status"] in ENDED and body["finished_at"] is not None
