"""From waiting items to runs, within a tenth of a second: sensors that listen instead of looking."""

import time

import dagster as dg

from assets.runs import line_run, shard_run_config
from pipeline.services.dispatch import ShardOrder
from pipeline.services.waiting import wait_for_shards
from resources import LedgerResource

LISTEN_S = 40.0
"""How long one evaluation waits for work. Dagster starts a sensor again every 5 s at the soonest, and gives an
evaluation 60 s."""


def _waiting_items_sensor(name: str) -> dg.SensorDefinition:
    @dg.sensor(
        name=name,
        job=line_run,
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Turns waiting pictures into runs. Two of these take turns, so that one is always listening.",
    )
    def waiting_items(context: dg.SensorEvaluationContext, ledger: LedgerResource) -> dg.SensorResult | dg.SkipReason:
        orders = wait_for_shards(ledger.connect(), until=time.monotonic() + LISTEN_S)
        if not orders:
            return dg.SkipReason("Nothing waits, or every run slot has its next shard already.")
        return dg.SensorResult(run_requests=[_run_request(order) for order in orders])

    return waiting_items


def _run_request(order: ShardOrder) -> dg.RunRequest:
    return dg.RunRequest(run_key=order.run_key, run_config=shard_run_config(order.shard_id), tags=order.tags)


waiting_items_sensors = [_waiting_items_sensor("waiting_items"), _waiting_items_sensor("waiting_items_relief")]
