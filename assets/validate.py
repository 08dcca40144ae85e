"""Originals checked to be whole pictures."""

import dagster as dg

from assets.shards import Result, ShardConfig, materialized, no_failed_items, run_stage
from pipeline.domain.jobs import Stage
from resources import LineResource


@dg.asset(
    group_name="line",
    deps=["downloaded_media"],
    kinds={"python"},
    check_specs=[no_failed_items("validated_media")],
)
def validated_media(context: dg.AssetExecutionContext, config: ShardConfig, line: LineResource) -> Result:
    """Each original known to be a whole JPEG, PNG or TIFF within the limits, with its facts and a reduced proxy.

    Files that are no picture, broken or too large fail here, each with its reason.
    """
    return materialized(*run_stage(context, line.connect(), config, Stage.VALIDATE))
