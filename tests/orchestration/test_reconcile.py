"""The reconcile sensor over real run records: what a crash leaves between the ledger and Dagster."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from assets.runs import shard_run_config
from pipeline.definitions import definitions
from pipeline.services.dispatch import claim_shards
from pipeline.services.leases import take_shard
from pipeline.services.views import show_job
from pipeline.store.jobs import JobRow
from pipeline.store.shards import ShardRow, ShardState
from sensors.reconcile import repair
from tests.factories import a_job, an_account
from tests.orchestration.conftest import Operator


def reconcile(operator: Operator) -> str:
    """What one look has mended, in words."""
    return "; ".join(repair(operator.line, operator.instance, start_s=0.0))


def test_a_tick_with_nothing_to_mend_says_so(operator: Operator) -> None:
    sensor = definitions.resolve_sensor_def("reconcile")
    resources = {"ledger": (definitions.resources or {})["ledger"]}
    with dg.build_sensor_context(instance=operator.instance, resources=resources) as context:
        assert sensor.evaluate_tick(context).skip_message == "All shards have their runs."


def a_run(operator: Operator, shard_id: int, status: dg.DagsterRunStatus, *, parent: str | None = None) -> str:
    """A run record of this shard's first attempt, as Dagster would have it."""
    job = definitions.resolve_job_def("line_run")
    tags = {"darkroom/shard": str(shard_id), "darkroom/attempt": "1"}
    location = RegisteredCodeLocationOrigin("darkroom")
    run = operator.instance.create_run_for_job(
        job,
        status=status,
        tags=tags,
        parent_run_id=parent,
        root_run_id=parent,
        run_config=shard_run_config(shard_id),
        remote_job_origin=RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job.name),
    )
    return run.run_id


def shard(operator: Operator, shard_id: int) -> ShardRow:
    with operator.line.database.session() as session:
        return session.get_one(ShardRow, shard_id)


@pytest.fixture
def shard_id(operator: Operator) -> int:
    """A shard for which a run was asked longer ago than the grace."""
    a_job(operator.line, an_account(operator.line))
    (order,) = claim_shards(operator.line)
    with operator.line.database.session() as session:
        session.get_one(ShardRow, order.shard_id).claimed_at = datetime.now(UTC) - timedelta(minutes=1)
    return order.shard_id


def test_a_shard_claimed_for_nobody_waits_again(operator: Operator, shard_id: int) -> None:
    assert "had no run" in reconcile(operator)
    assert shard(operator, shard_id).state is ShardState.WAITING


def test_a_queued_run_may_wait_for_its_slot(operator: Operator, shard_id: int) -> None:
    a_run(operator, shard_id, dg.DagsterRunStatus.QUEUED)
    assert reconcile(operator) == ""
    assert shard(operator, shard_id).state is ShardState.CLAIMED


def test_a_run_that_was_lost_before_its_first_stage_frees_its_shard_and_its_slot(
    operator: Operator, shard_id: int
) -> None:
    run_id = a_run(operator, shard_id, dg.DagsterRunStatus.STARTING)
    assert f"run {run_id} was lost" in reconcile(operator)
    assert shard(operator, shard_id).state is ShardState.WAITING
    lost = operator.instance.get_run_by_id(run_id)
    assert lost is not None and lost.status is dg.DagsterRunStatus.FAILURE


def test_a_re_execution_is_not_taken_for_the_lost_run_that_it_repeats(operator: Operator, shard_id: int) -> None:
    lost = a_run(operator, shard_id, dg.DagsterRunStatus.FAILURE)
    again = a_run(operator, shard_id, dg.DagsterRunStatus.STARTED, parent=lost)
    with operator.line.database.session() as session:
        session.get_one(ShardRow, shard_id).attempt = 2
    reconcile(operator)
    run = operator.instance.get_run_by_id(again)
    assert run is not None and run.status is dg.DagsterRunStatus.STARTED


def test_a_run_that_died_while_it_held_its_shard_frees_it_before_the_lease_ends(
    operator: Operator, shard_id: int
) -> None:
    run_id = a_run(operator, shard_id, dg.DagsterRunStatus.FAILURE)
    take_shard(operator.line, shard_id, run_id)
    assert "had died" in reconcile(operator)
    assert shard(operator, shard_id).state is ShardState.WAITING


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.CANCELING])
def test_a_cancelled_run_fails_its_items_and_holds_no_slot(
    operator: Operator, shard_id: int, status: dg.DagsterRunStatus
) -> None:
    run_id = a_run(operator, shard_id, status)
    take_shard(operator.line, shard_id, run_id)
    assert "cancelled by an operator" in reconcile(operator)
    assert shard(operator, shard_id).state is ShardState.DONE
    ended = operator.instance.get_run_by_id(run_id)
    assert ended is not None and ended.is_finished
    with operator.line.database.session() as session:
        (job,) = session.query(JobRow).all()
    assert {item.error.code for item in show_job(operator.line, job.id).items if item.error} == {
        "cancelled_by_operator"
    }
