"""What each stage does for a video: all that decodes it runs in a process of its own, which may die or be ended."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.domain.analysis import VideoFacts, VideoFindings
from pipeline.domain.jobs import ItemState, Outcome, Stage
from pipeline.domain.media import Rendition
from pipeline.errors import CapabilityUnavailable, MediaError
from pipeline.services.biometrics import findings_columns, without_biometrics
from pipeline.services.checkpoints import checkpoint
from pipeline.services.keys import item_key
from pipeline.services.kinds.local_files import local_copy, own_folder, stopper
from pipeline.services.kinds.originals import job_of, known_to, take_upload
from pipeline.services.kinds.pace import SECONDS_PER_SECOND, Pace
from pipeline.services.line import Line
from pipeline.services.processing import Patch, Work
from pipeline.store.items import ItemRow
from pipeline.store.shards import Fence
from pipeline.store.values import dump, load

if TYPE_CHECKING:  # the code location imports services and needs no video
    from pipeline.media.limited_process import ProcessLimits
    from pipeline.media.video_renditions import MadeFile

PROBE_S = 60.0
"""To read a container's head and decode one picture; 0.2 s is usual, most of it to start the process."""
ANALYZE_S = 600.0
"""Before anything has been seen: models load in seconds, on a machine that is busy with others in a minute."""
SCRATCH_BYTES = 256 * 1024**2
"""The largest file: the language identifier unpacks its model, 121 MB, into one that has no name."""


def validate(line: Line, item: ItemRow, fence: Fence) -> Patch:
    """The file is a video whose first frame can be decoded, within the limits; its facts are kept."""
    from pipeline.stages.video_apart import probe_apart

    with local_copy(line, item.original_key or "") as path:
        pace = Pace(stopper(line, item, fence), PROBE_S)
        with pace.kept():
            facts = probe_apart(
                path,
                line.options.analysis.video,
                sha256=item.original_sha256 or "",
                limits=_limits(line, PROBE_S),
                should_stop=pace.should_stop,
            )
        size = path.stat().st_size
    return {"facts": dump(facts), "bytes_in": size}


def analyze(line: Line, item: ItemRow, fence: Fence) -> Patch:
    """What was found in the video is kept, and what could not be looked for is named."""
    from pipeline.inference.weights import default_folder
    from pipeline.stages.video_apart import AnalysisOrder, analyze_apart

    options = job_of(line.database, item.job_id).options
    facts = load(VideoFacts, item.facts)
    known = known_to(line.database, item.job_id, item.account_id)
    with local_copy(line, item.original_key or "") as path:
        order = AnalysisOrder(
            path,
            line.options.analysis.video,
            line.options.analysis.models or default_folder(),
            line.options.analysis.reader,
            models_mb=line.options.analysis.models_mb,
            critical=tuple(options.get("critical_tags", ())),
            known=known,
        )
        pace = Pace(stopper(line, item, fence), ANALYZE_S)
        longest_s = ANALYZE_S + SECONDS_PER_SECOND * line.options.analysis.video.max_duration_s
        with pace.kept():
            found, _ = analyze_apart(
                order, limits=_limits(line, longest_s), should_stop=pace.should_stop, tell=pace.tell
            )
    return {**findings_columns(found, keep=bool(options.get("keeps_biometrics", True))), "bytes_in": facts.bytes}


def render(line: Line, item: ItemRow, fence: Fence) -> Patch:
    """Preview, poster, clips, thumbnails and a contact sheet lie in the store as work; what failed is a note."""
    from pipeline.stages.render_video import render_video

    found = load(VideoFindings, item.findings)
    facts = load(VideoFacts, item.facts)
    stop = stopper(line, item, fence)
    renditions: list[Rendition] = []
    notes: tuple[str, ...] = ()
    with local_copy(line, item.original_key or "") as path, own_folder() as folder:
        try:
            made = render_video(path, facts, found, folder=folder, container=facts.container, should_stop=stop)
            renditions, notes = [_stored(line, item, fence, each) for each in made.files], made.notes
        except (MediaError, CapabilityUnavailable) as error:
            notes = (f"There are no preview, poster, clips and thumbnails: {error.message}",)
    checkpoint("enhance.stored")
    return {
        "findings": without_biometrics(replace(found, notes=(*found.notes, *notes))),
        "enhancement": {"renditions": [dump(rendition) for rendition in renditions]},
        "bytes_out": sum(rendition.bytes for rendition in renditions),
    }


def _stored(line: Line, item: ItemRow, fence: Fence, made: "MadeFile") -> Rendition:
    key = item_key("work", item, fence, made.sha256, made.path.suffix.removeprefix("."))
    line.store.put(key, made.path.read_bytes(), media_type=made.media_type)
    return Rendition(made.name, key, made.media_type, made.width, made.height, made.bytes, made.sha256)


def upload(line: Line, item: ItemRow, fence: Fence) -> Patch:
    """Every rendition lies where its customer may read it, and has been read back; the item has ended."""
    from pipeline.stages.upload import publish

    published = []
    for made in (item.enhancement or {}).get("renditions", ()):
        rendition = load(Rendition, made)
        key = item_key("private", item, fence, rendition.sha256, rendition.key.rpartition(".")[2])
        publish(line.store, rendition.key, key, sha256=rendition.sha256)
        published.append({**made, "key": key})
    checkpoint("upload.stored")
    return {
        "state": ItemState.ENDED,
        "outcome": Outcome.ANALYZED,
        "renditions": published,
        "bytes_out": sum(made["bytes"] for made in published),
    }


WORK: Mapping[Stage, Work] = {
    Stage.DOWNLOAD: take_upload,
    Stage.VALIDATE: validate,
    Stage.ANALYZE: analyze,
    Stage.ENHANCE: render,
    Stage.UPLOAD: upload,
}


def _limits(line: Line, cpu_s: float) -> "ProcessLimits":
    """`cpu_s` is the most that any video may take; how fast this one is seen is watched by its `Pace`."""
    from pipeline.media.limited_process import ProcessLimits

    return ProcessLimits(
        memory_bytes=line.options.analysis.memory_mb * 1024**2, cpu_s=round(cpu_s), file_bytes=SCRATCH_BYTES
    )
