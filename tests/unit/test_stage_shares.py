"""What the estimate of a job's remaining time is made from."""

import pytest

from pipeline.domain.jobs import ITEM_STAGES
from pipeline.services.views import STAGE_SHARE


def test_the_shares_of_all_stages_are_one_whole() -> None:
    assert list(STAGE_SHARE) == [stage.value for stage in ITEM_STAGES]
    assert sum(STAGE_SHARE.values()) == pytest.approx(1)
