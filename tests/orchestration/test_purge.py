"""Old runs leave nothing behind in Dagster: no record, no event, no log."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import update

from assets.runs import purge_old_runs

DAYS = 14
JOBS = ("line_run", "retry_failed_items", "purge_old_runs")


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DARKROOM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DARKROOM_RUN_RETENTION_DAYS", str(DAYS))
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def a_run(instance: dg.DagsterInstance, job: str, status: dg.DagsterRunStatus, *, days: int) -> str:
    """A run that has had this status for so many days, and what its step wrote to the console."""
    from dagster._core.storage.compute_log_manager import ComputeIOType
    from dagster._core.storage.runs.schema import RunsTable

    run = dg.DagsterRun(job_name=job, status=status)
    instance.run_storage.add_run(run)
    with instance.run_storage.connect() as connection:  # type: ignore[attr-defined]
        mine = RunsTable.c.run_id == run.run_id
        before = (datetime.now(UTC) - timedelta(days=days)).replace(tzinfo=None)
        connection.execute(update(RunsTable).where(mine).values(update_timestamp=before))
    logs = instance.compute_log_manager
    key = logs.build_log_key_for_run(run.run_id, "a_step")
    with logs.open_log_stream(key, ComputeIOType.STDERR) as log:
        assert log is not None
        log.write("a line")
    return run.run_id


def left(instance: dg.DagsterInstance, folder: Path) -> tuple[set[str], set[str]]:
    """Runs that Dagster knows, and runs that have logs."""
    known = {run.run_id for run in instance.get_runs()}
    return known, {path.parent.parent.name for path in folder.rglob("*.err")}


def test_runs_of_every_job_go_with_their_logs(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    old = {a_run(instance, job, dg.DagsterRunStatus.SUCCESS, days=DAYS + 1) for job in JOBS}
    assert left(instance, tmp_path) == (old, old)
    purge = purge_old_runs.execute_in_process(instance=instance)
    known, logged = left(instance, tmp_path)
    assert known == {purge.run_id} and not logged & old


def test_what_is_young_or_at_work_stays_with_its_logs(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    kept = {
        a_run(instance, "line_run", dg.DagsterRunStatus.FAILURE, days=DAYS - 1),
        a_run(instance, "line_run", dg.DagsterRunStatus.STARTED, days=DAYS + 1),
    }
    a_run(instance, "line_run", dg.DagsterRunStatus.FAILURE, days=DAYS + 1)
    purge = purge_old_runs.execute_in_process(instance=instance)
    known, logged = left(instance, tmp_path)
    assert known - {purge.run_id} == kept and kept == logged - {purge.run_id}
