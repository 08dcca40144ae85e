"""Originals fetched into the object store."""

import dagster as dg

from assets.shards import Result, ShardConfig, materialized, no_failed_items, run_stage
from pipeline.domain.jobs import Stage
from resources import LineResource


@dg.asset(
    group_name="line",
    kinds={"python"},
    check_specs=[no_failed_items("downloaded_media")],
)
def downloaded_media(context: dg.AssetExecutionContext, config: ShardConfig, line: LineResource) -> Result:
    """Each original of the shard, fetched from its customer's server or upload into the object store.

    A source that does not answer hands its picture back to the queue, so that slow servers hold no run. Watch
    `handed_back` and `seconds_per_item` for a customer whose server is slow; `reasons` of the check for blocked or
    missing files.
    """
    return materialized(*run_stage(context, line.connect(), config, Stage.DOWNLOAD))
