"""How long a video may take: by what has been seen of it."""

import pytest

from pipeline.errors import Stopped, TooExpensive
from pipeline.services.kinds.pace import SECONDS_PER_SECOND, Pace


def worked(pace: Pace) -> None:
    """As `run_limited` works: it asks, and stops for the reason that it hears."""
    reason = pace.should_stop()
    if reason is not None:
        raise Stopped(reason)


def test_work_that_shows_nothing_for_its_time_has_failed() -> None:
    pace = Pace(lambda: None, at_once_s=-1.0)
    with pytest.raises(TooExpensive, match="0 seconds of it were seen"), pace.kept():
        worked(pace)


def test_what_has_been_seen_buys_time() -> None:
    pace = Pace(lambda: None, at_once_s=-SECONDS_PER_SECOND)
    pace.tell(2.0)
    assert pace.should_stop() is None
    with pace.kept():
        worked(pace)


def test_seeing_an_earlier_moment_again_takes_no_time_back() -> None:
    pace = Pace(lambda: None, at_once_s=-SECONDS_PER_SECOND)
    pace.tell(2.0)
    pace.tell(0.5)
    assert pace.should_stop() is None


def test_whoever_else_stops_the_work_is_not_the_videos_fault() -> None:
    pace = Pace(lambda: "it was cancelled", at_once_s=-1.0)
    with pytest.raises(Stopped, match="it was cancelled"), pace.kept():
        worked(pace)
