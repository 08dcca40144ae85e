"""What the pictures show technically."""

import dagster as dg

from assets.shards import Result, ShardConfig, materialized, no_failed_items, run_stage
from pipeline.domain.jobs import Stage
from resources import LineResource


@dg.asset(
    group_name="line",
    deps=["validated_media"],
    kinds={"opencv"},
    check_specs=[no_failed_items("media_analysis")],
)
def media_analysis(context: dg.AssetExecutionContext, config: ShardConfig, line: LineResource) -> Result:
    """Metrics, tilt, colours, perceptual hash and subject of each picture, measured on its proxy.

    Models that are not installed are named in the batch's report, never guessed.
    """
    return materialized(*run_stage(context, line.connect(), config, Stage.ANALYZE))
