"""How long the work on one video may take: by what has been seen of it, never by what the file says of itself."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.errors import Stopped, TooExpensive

SECONDS_PER_SECOND = 30
"""On the clock, for each second of video that has been seen: 720p at 30 pictures a second takes 0.5 with all models
(61 s of cuts, faces and text, measured), so this is sixty times as much."""


@dataclass(slots=True)
class Pace:
    """`at_once_s` is what the work may take before anything has been seen; `stop` is asked first."""

    stop: Callable[[], str | None]
    at_once_s: float
    seen_s: float = 0.0
    _began: float = field(default_factory=time.monotonic)
    _is_over: bool = False

    def tell(self, seen_s: float) -> None:
        """So many seconds of the video have been seen."""
        self.seen_s = max(self.seen_s, seen_s)

    def should_stop(self) -> str | None:
        """The reason why the work has to stop, once it has."""
        reason = self.stop()
        if reason is None and time.monotonic() - self._began > self.at_once_s + SECONDS_PER_SECOND * self.seen_s:
            self._is_over, reason = True, "it takes too long"
        return reason

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Work that was stopped for its slowness has failed: raises `TooExpensive` where it was `Stopped` for that."""
        try:
            yield
        except Stopped as stopped:
            if not self._is_over:
                raise
            raise TooExpensive(
                f"The video takes more computing time than one may: {self.seen_s:.0f} seconds of it were seen in"
                f" {time.monotonic() - self._began:.0f}. Export it again in a smaller size."
            ) from stopped
