"""When each frame is shown: by the file's own time stamps, made to run forward where they do not."""

JUMP_S = 0.5
"""Stamps that step back by more belong to a new clock (a cut transport stream, a wrapped counter), by less to a muxer
that wrote them in the wrong order: encoders hold B-frames back for a few frames."""
_BEHIND = 8
"""Frames in a row whose stamps are behind, after which it is a new clock all the same."""
FORWARD_S = 60.0
"""The same forward, for transport streams only: elsewhere a still picture may stand for as long as it likes."""
TICK_S = 0.001
"""How much later a frame is shown whose stamp is not after its predecessor's."""


class Clock:
    """Seconds from the first frame for one frame after the other, always increasing."""

    def __init__(self, step_s: float, *, may_restart: bool = False) -> None:
        self.step_s = step_s
        """Seconds that a frame is shown where no stamp tells."""
        self._forward_s = FORWARD_S if may_restart else float("inf")
        self._origin_s: float | None = None
        self._last_s: float | None = None
        self._behind = 0

    def time_of(self, stamp_s: float | None) -> float:
        """The time of the next frame, whose stamp is `stamp_s` or None where it has none."""
        if self._last_s is None:
            self._origin_s, self._last_s = stamp_s, 0.0
            return 0.0
        next_s = self._last_s + self.step_s
        if stamp_s is None:
            self._last_s = next_s
            return next_s
        if self._origin_s is None:
            self._origin_s = stamp_s - next_s
        time_s = stamp_s - self._origin_s
        self._behind = self._behind + 1 if time_s <= self._last_s else 0
        if self._behind > _BEHIND or not self._last_s - JUMP_S <= time_s <= self._last_s + self._forward_s:
            self._origin_s, self._behind = stamp_s - next_s, 0
            time_s = next_s
        self._last_s = max(time_s, self._last_s + TICK_S)
        return self._last_s
