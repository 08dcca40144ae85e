"""What a batch shows while it runs, as docs/enhancement.md says: files end in the last stage, stages move before."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from pipeline.domain.jobs import ItemState, JobStatus, Outcome, Stage
from pipeline.domain.views import JobView
from pipeline.services.line import Ledger
from pipeline.services.views import show_job
from pipeline.store.items import ItemRow
from pipeline.store.jobs import JobRow
from tests.factories import a_job, an_account


def a_running_job(ledger: Ledger, passed: Stage | None, *, ended: int = 0) -> JobView:
    """Ten files, at work for a minute: `ended` of them enhanced, the others past this stage."""
    job = a_job(ledger, an_account(ledger), [f"http://127.0.0.1:9/{number}.jpg" for number in range(10)])
    with ledger.database.session() as session:
        row = session.get_one(JobRow, job)
        row.status, row.started_at = JobStatus.RUNNING, datetime.now(UTC) - timedelta(minutes=1)
        of_job = update(ItemRow).where(ItemRow.job_id == job)
        session.execute(of_job.values(state=ItemState.CLAIMED, stage_done=0 if passed is None else passed.rank))
        done = {"state": ItemState.ENDED, "outcome": Outcome.ENHANCED, "stage_done": Stage.SCORE.rank}
        session.execute(of_job.where(ItemRow.position < ended).values(done))
    return show_job(ledger, job)


def test_progress_stays_at_nought_while_files_move_through_the_stages(ledger: Ledger) -> None:
    views = [a_running_job(ledger, passed) for passed in (Stage.VALIDATE, Stage.ANALYZE, Stage.ENHANCE)]
    assert [view.progress for view in views] == [0, 0, 0]
    assert [view.stages for view in views] == [{"analyze": 10}, {"enhance": 10}, {"upload": 10}]
    early, middle, late = [view.eta_seconds or 0.0 for view in views]
    assert early > middle > late > 0


def test_progress_is_the_share_of_files_that_have_ended(ledger: Ledger) -> None:
    view = a_running_job(ledger, Stage.ENHANCE, ended=3)
    assert (view.progress, view.percentage, view.stages) == (30, 30, {"upload": 7})


def test_there_is_no_estimate_before_there_is_anything_to_measure_by(ledger: Ledger) -> None:
    assert a_running_job(ledger, None).eta_seconds is None
