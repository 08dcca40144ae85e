"""The Dagster jobs: the line itself, and what an operator starts by hand."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import dagster as dg

from assets.analyze import media_analysis
from assets.download import downloaded_media
from assets.enhance import enhanced_renditions
from assets.report import job_report
from assets.score import quality_scores
from assets.upload import published_renditions
from assets.validate import validated_media
from pipeline.domain.jobs import Stage
from pipeline.services.retrying import retry_failed
from pipeline.settings import Settings
from resources import LedgerResource

PURGED_AT_ONCE = 5000
"""49 ms each, as measured: four minutes."""

LINE_ASSETS = (
    downloaded_media,
    validated_media,
    media_analysis,
    enhanced_renditions,
    published_renditions,
    quality_scores,
    job_report,
)
"""The line, in order."""

line_run = dg.define_asset_job(
    "line_run",
    selection=list(LINE_ASSETS),
    executor_def=dg.in_process_executor,
    description="One shard through all stages, in one process (a step costs 0.1 s there, 1.5 s in its own process).",
)


def shard_run_config(shard_id: int) -> dict[str, object]:
    """Every asset gets the shard, so that a re-execution from any of them still has it."""
    return {"ops": {asset.key.to_python_identifier(): {"config": {"shard_id": shard_id}} for asset in LINE_ASSETS}}


class RetryConfig(dg.Config):
    """Which job to try again, and from where."""

    job_id: str
    from_stage: str | None = None
    """download, validate, analyze, enhance, upload or score; the stage that failed when it is not given."""


@dg.op
def retry_items(context: dg.OpExecutionContext, config: RetryConfig, ledger: LedgerResource) -> None:
    """The job's failed items wait for dispatch again; items that did not fail stay as they are."""
    stage = None if config.from_stage is None else Stage(config.from_stage)
    retried = retry_failed(ledger.connect(), UUID(config.job_id), from_stage=stage)
    context.log.info(f"{retried.items} items of job {retried.job_id} are tried again, generation {retried.generation}.")


@dg.job(
    executor_def=dg.in_process_executor,
    description="Try a batch's failed pictures again: put the batch's id into `job_id` in the launchpad.",
)
def retry_failed_items() -> None:
    retry_items()


@dg.op
def purge_runs(context: dg.OpExecutionContext) -> None:
    """Dagster's own records and logs of runs that ended before the retention are gone: the ledger is the record."""
    days = Settings.from_environment().run_retention_days
    before = datetime.now(UTC) - timedelta(days=days)
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    records = context.instance.get_run_records(
        dg.RunsFilter(statuses=ended, updated_before=before), limit=PURGED_AT_ONCE
    )
    for record in records:
        run_id = record.dagster_run.run_id
        # The logs first: a purge that dies between the two finds the run again.
        context.instance.compute_log_manager.delete_logs(prefix=[run_id])
        context.instance.delete_run(run_id)
    context.log.info(f"Removed {len(records)} runs older than {days} days.")


@dg.job(
    executor_def=dg.in_process_executor, description="Nightly: Dagster's own records and logs of old runs are removed."
)
def purge_old_runs() -> None:
    purge_runs()
