"""What happens by the clock."""

import dagster as dg

from assets.runs import purge_old_runs

nightly_purge = dg.ScheduleDefinition(
    name="nightly_purge",
    job=purge_old_runs,
    cron_schedule="17 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Dagster's own records of old runs are removed; the keeper sweeps pictures and reports.",
)
