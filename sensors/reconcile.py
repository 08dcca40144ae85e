"""What needs Dagster's word on a run: claimed shards without one, runs that ended or were lost, operators' cancels."""

import dagster as dg

from pipeline.services import repairs
from pipeline.services.line import Ledger
from pipeline.services.repairs import RunWord
from resources import LedgerResource

_ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}


@dg.sensor(
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    job_name="line_run",
    description="Repairs what a crash left between the ledger and Dagster. Skips are its good news.",
)
def reconcile(context: dg.SensorEvaluationContext, ledger: LedgerResource) -> dg.SkipReason:
    """Every shard has a live run or waits for one; no lost run holds a slot."""
    connected, instance = ledger.connect(), context.instance
    done = [*_claimed(connected, instance), *_held(connected, instance), *_lost(connected, instance)]
    for line in done:
        context.log.info(line)
    return dg.SkipReason(f"Repaired: {'; '.join(done)}" if done else "All shards have their runs.")


def _claimed(ledger: Ledger, instance: dg.DagsterInstance) -> list[str]:
    done = []
    for shard_id in repairs.shards_without_run(ledger):
        runs = instance.get_runs(dg.RunsFilter(tags={"darkroom/shard": str(shard_id)}), limit=1)
        word = _word(runs[0]) if runs else RunWord.ENDED
        if word is RunWord.ENDED and repairs.requeue_claimed(ledger, shard_id):
            done.append(f"shard {shard_id} had no run and waits again")
        if word is RunWord.CANCELLED and repairs.fail_cancelled_run(ledger, shard_id, runs[0].run_id):
            done.append(f"run {runs[0].run_id} was cancelled by an operator")
    return done


def _held(ledger: Ledger, instance: dg.DagsterInstance) -> list[str]:
    done = []
    for shard in repairs.held(ledger):
        run = instance.get_run_by_id(shard.run_id)
        word = _word(run)
        if word is RunWord.ENDED and repairs.requeue_ended(ledger, shard.shard_id, shard.run_id):
            done.append(f"run {shard.run_id} had died, shard {shard.shard_id} waits again")
        if word is RunWord.CANCELLED and repairs.fail_cancelled_run(ledger, shard.shard_id, shard.run_id):
            done.append(f"run {shard.run_id} was cancelled by an operator")
    return done


def _lost(ledger: Ledger, instance: dg.DagsterInstance) -> list[str]:
    """Runs that Dagster believes to be at work although the ledger took their shard away: they would hold a slot."""
    done = []
    started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING], job_name="line_run")
    for run in instance.get_runs(started):
        shard_id, attempt = run.tags.get("darkroom/shard"), run.tags.get("darkroom/attempt", "1")
        if shard_id is None or not repairs.is_lost(ledger, int(shard_id), int(attempt), run.run_id):
            continue
        instance.report_run_failed(run, "The run lost its shard: nothing was heard of it for a whole lease.")
        done.append(f"run {run.run_id} was lost and is reported failed")
    return done


def _word(run: dg.DagsterRun | None) -> RunWord:
    if run is None:
        return RunWord.UNKNOWN
    if run.status in _ENDED:
        return RunWord.ENDED
    return RunWord.CANCELLED if run.status is dg.DagsterRunStatus.CANCELED else RunWord.LIVE
