"""What the estimate of a job's remaining time is made from, and which stages a kind of job passes."""

import pytest

from pipeline.domain.jobs import STAGES, JobKind
from pipeline.services.kinds import WORK
from pipeline.services.views import STAGE_SHARE


@pytest.mark.parametrize("kind", JobKind)
def test_the_shares_of_all_stages_of_a_kind_are_one_whole(kind: JobKind) -> None:
    assert list(STAGE_SHARE[kind]) == [stage.value for stage in STAGES[kind]]
    assert sum(STAGE_SHARE[kind].values()) == pytest.approx(1)


@pytest.mark.parametrize("kind", JobKind)
def test_a_kind_has_work_for_each_of_its_stages_and_for_no_other(kind: JobKind) -> None:
    assert tuple(WORK[kind]) == STAGES[kind]
