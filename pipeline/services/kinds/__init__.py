"""What each stage does for an item, by kind of job: objects in, a pure stage function, objects and columns out.

Heavy imports stand inside the functions: the code location imports this package, and only a run pays for pictures.
"""

from collections.abc import Mapping

from pipeline.domain.jobs import JobKind, Stage
from pipeline.services.kinds import enhancement, image_analysis, video_analysis
from pipeline.services.line import Line
from pipeline.services.processing import Patch, Work
from pipeline.store.items import ItemRow
from pipeline.store.shards import Fence

WORK: Mapping[JobKind, Mapping[Stage, Work]] = {
    JobKind.ENHANCEMENT: enhancement.WORK,
    JobKind.IMAGE_ANALYSIS: image_analysis.WORK,
    JobKind.VIDEO_ANALYSIS: video_analysis.WORK,
}


def work_of(stage: Stage) -> Work:
    """What the stage does for an item, by the item's kind."""

    def work(line: Line, item: ItemRow, fence: Fence) -> Patch:
        return WORK[item.kind][stage](line, item, fence)

    return work
