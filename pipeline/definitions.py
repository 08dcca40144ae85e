"""Everything that Dagster loads. Light on purpose: each run pays for these imports again."""

import dagster as dg

from assets.runs import LINE_ASSETS, line_run, purge_old_runs, retry_failed_items
from resources import LedgerResource, LineResource
from sensors.dispatch import waiting_items_sensors
from sensors.reconcile import reconcile
from sensors.schedules import nightly_purge

definitions = dg.Definitions(
    assets=list(LINE_ASSETS),
    jobs=[line_run, retry_failed_items, purge_old_runs],
    sensors=[*waiting_items_sensors, reconcile],
    schedules=[nightly_purge],
    resources={"ledger": LedgerResource(), "line": LineResource()},
)
