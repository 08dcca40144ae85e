"""What the composition root makes of the settings."""

import pytest

from pipeline.bootstrap import CALLS_PER_HOST, calls_per_host


@pytest.mark.parametrize(("run_slots", "each"), [(1, 8), (2, 4), (3, 2), (8, 1), (16, 1)])
def test_the_runs_of_an_instance_share_the_calls_to_a_host(run_slots: int, each: int) -> None:
    assert calls_per_host(run_slots) == each
    assert each * run_slots <= max(CALLS_PER_HOST, run_slots)
