"""What needs Dagster's word on a run: claimed shards without one, runs that ended or were lost, operators' cancels."""

from datetime import UTC, datetime

import dagster as dg

from pipeline.services import repairs
from pipeline.services.line import Ledger
from pipeline.services.repairs import RunWord
from resources import LedgerResource

START_S = 60.0
"""A launched run takes its shard within 3 s, within 20 s on a crowded machine."""
RE_EXECUTION_S = 600.0
"""A re-execution that an operator started finds nothing to do within seconds, or works at most a shard's 90 s."""
_CANCELLED = {dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.CANCELING}
_AT_WORK = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]
_ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}


@dg.sensor(
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    job_name="line_run",
    description="Repairs what a crash left between the ledger and Dagster. Skips are its good news.",
)
def reconcile(context: dg.SensorEvaluationContext, ledger: LedgerResource) -> dg.SkipReason:
    """Every shard has a live run or waits for one; no lost run holds a slot."""
    done = repair(ledger.connect(), context.instance)
    for line in done:
        context.log.info(line)
    return dg.SkipReason(f"Repaired: {'; '.join(done)}" if done else "All shards have their runs.")


def repair(ledger: Ledger, instance: dg.DagsterInstance, *, start_s: float = START_S) -> list[str]:
    """What was mended, in words; a launched run is given `start_s` seconds to take its shard."""
    return [*_claimed(ledger, instance, start_s), *_held(ledger, instance), *_lost(ledger, instance)]


def _claimed(ledger: Ledger, instance: dg.DagsterInstance, start_s: float) -> list[str]:
    done = []
    for shard_id in repairs.shards_without_run(ledger):
        records = instance.get_run_records(dg.RunsFilter(tags={"darkroom/shard": str(shard_id)}), limit=1)
        word = _begun(records[0], start_s) if records else RunWord.ENDED
        if word is RunWord.ENDED and repairs.requeue_claimed(ledger, shard_id):
            done.append(f"shard {shard_id} had no run and waits again")
        if word is RunWord.CANCELLED and repairs.fail_cancelled_run(ledger, shard_id, records[0].dagster_run.run_id):
            done.append(f"run {records[0].dagster_run.run_id} was cancelled by an operator")
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
    started = dg.RunsFilter(statuses=_AT_WORK, job_name="line_run")
    for record in instance.get_run_records(started):
        run = record.dagster_run
        if run.parent_run_id is not None and _age_s(record) < RE_EXECUTION_S:
            continue  # it carries the attempt of the run it repeats, which says nothing of itself
        shard_id, attempt = run.tags.get("darkroom/shard"), run.tags.get("darkroom/attempt", "1")
        if shard_id is None or not repairs.is_lost(ledger, int(shard_id), int(attempt), run.run_id):
            continue
        instance.report_run_failed(run, "The run lost its shard: nothing was heard of it for a whole lease.")
        done.append(f"run {run.run_id} was lost and is reported failed")
    return done


def _begun(record: dg.RunRecord, start_s: float) -> RunWord:
    """A queued run may wait for its slot as long as it must; one that was launched and has not taken its shard by
    now has died on its way (power loss, a daemon killed between two steps)."""
    run = record.dagster_run
    if run.status is not dg.DagsterRunStatus.QUEUED and _word(run) is RunWord.LIVE and _age_s(record) > start_s:
        return RunWord.ENDED
    return _word(run)


def _age_s(record: dg.RunRecord) -> float:
    """Seconds since the run's status last changed."""
    return (datetime.now(UTC) - record.update_timestamp.replace(tzinfo=UTC)).total_seconds()


def _word(run: dg.DagsterRun | None) -> RunWord:
    if run is None:
        return RunWord.UNKNOWN
    if run.status in _ENDED:
        return RunWord.ENDED
    return RunWord.CANCELLED if run.status in _CANCELLED else RunWord.LIVE
