"""Dagster's own run queue, looked at more often than its configuration can say."""

from dagster import QueuedRunCoordinator

DEQUEUE_S = 0.4
"""Dagster's setting takes whole seconds, of which a run waits half on average. Its daemon waits in steps of 0.5 s, so
this means every 0.5 s: a batch of one picture is told of a quarter of a second sooner."""


class PromptRunCoordinator(QueuedRunCoordinator):
    """The queue with its limits and priorities as it is; only the daemon looks at it every half second."""

    @property
    def dequeue_interval_seconds(self) -> float:  # type: ignore[override]
        """Seconds between two looks of the daemon."""
        return DEQUEUE_S
