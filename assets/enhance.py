"""Pictures enhanced by their workflow."""

import dagster as dg

from assets.shards import Result, ShardConfig, materialized, no_failed_items, run_stage
from pipeline.domain.jobs import Stage
from resources import LineResource


@dg.asset(
    group_name="line",
    deps=["media_analysis"],
    kinds={"opencv"},
    check_specs=[no_failed_items("enhanced_renditions")],
)
def enhanced_renditions(context: dg.AssetExecutionContext, config: ShardConfig, line: LineResource) -> Result:
    """The renditions of each picture as its workflow wants them, never worse than the original.

    The most expensive stage: `seconds_per_item` is the figure to watch.
    """
    return materialized(*run_stage(context, line.connect(), config, Stage.ENHANCE))
