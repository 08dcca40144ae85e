"""Explained scores."""

import dagster as dg

from assets.shards import Result, ShardConfig, materialized, no_failed_items, run_stage
from pipeline.domain.jobs import Stage
from resources import LineResource


@dg.asset(
    group_name="line",
    deps=["published_renditions"],
    kinds={"python"},
    check_specs=[no_failed_items("quality_scores")],
)
def quality_scores(context: dg.AssetExecutionContext, config: ShardConfig, line: LineResource) -> Result:
    """Each picture's score from 0 to 100 by its workflow's guidelines, explained point by point; its outcome is final.

    `score_mean` over runs shows whether the pictures of late are better or worse than usual.
    """
    counts, failed = run_stage(context, line.connect(), config, Stage.SCORE)

    def scores() -> dict[str, object]:
        found = sorted(counts.scores) if counts else []
        if not found:
            return {}
        return {
            "score_mean": round(sum(found) / len(found), 1),
            "score_lowest": found[0],
            "score_median": found[len(found) // 2],
            "score_chart": dg.MetadataValue.md(_chart(found)),
        }

    return materialized(counts, failed, links=scores)


def _chart(scores: list[float]) -> str:
    """A histogram in ten bins that reads in plain text."""
    bins = [0] * 10
    for score in scores:
        bins[min(9, int(score // 10))] += 1
    widest = max(bins)
    rows = [
        f"| {10 * index}-{10 * index + 10} | {'█' * round(24 * count / widest)} | {count} |"
        for index, count in enumerate(bins)
    ]
    return "\n".join(["| score | | pictures |", "|---|---|---|", *rows])
