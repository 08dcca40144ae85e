"""What each stage does for a picture that is to be enhanced."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from pipeline.domain.jobs import ItemState, Stage
from pipeline.domain.media import Findings, MediaFacts, Rendition
from pipeline.domain.workflows import Workflow
from pipeline.services.checkpoints import checkpoint
from pipeline.services.keys import item_key, sha256_of
from pipeline.services.kinds.originals import download, job_of, room_for, validate_picture
from pipeline.services.line import Line
from pipeline.services.processing import Patch, Work
from pipeline.store import Database
from pipeline.store.items import ItemRow
from pipeline.store.shards import Fence
from pipeline.store.values import dump, load


def validate(line: Line, item: ItemRow, fence: Fence) -> Patch:
    """The proxy has the size at which all technical metrics hold."""
    from pipeline.stages.validate import PROXY_SIDE

    return validate_picture(line, item, fence, proxy_side=PROXY_SIDE)


def analyze(line: Line, item: ItemRow, fence: Fence) -> Patch:
    """The proxy's metrics and what was found on it are kept."""
    from pipeline.stages.analyze import analyze as look
    from pipeline.stages.validate import decode_proxy

    proxy = line.store.get(item.proxy_key or "")
    findings = look(decode_proxy(proxy), load(MediaFacts, item.facts), line.models)
    return {"findings": dump(findings), "bytes_in": len(proxy)}


def enhance(line: Line, item: ItemRow, fence: Fence) -> Patch:
    """The renditions lie in the store as work, not yet published, with what was done to get them."""
    from pipeline.stages.enhance import enhance as improve
    from pipeline.stages.enhance import pixels_needed

    data = line.store.get(item.original_key or "")
    facts = load(MediaFacts, item.facts)
    workflow = _workflow(line.database, item.job_id)
    with room_for(pixels_needed(facts, workflow, line.options.limits)):
        result = improve(
            data,
            facts,
            load(Findings, item.findings),
            workflow,
            limits=line.options.limits,
            models=line.models,
        )
    proxy_key = item.proxy_key
    if result.proxy is not None:
        proxy_key = item_key("work", item, fence, sha256_of(result.proxy), "jpg")
        line.store.put(proxy_key, result.proxy, media_type="image/jpeg")
    renditions = []
    for made in result.renditions:
        key = item_key("work", item, fence, made.sha256, made.extension)
        line.store.put(key, made.data, media_type=made.media_type)
        renditions.append(
            Rendition(made.name, key, made.media_type, made.width, made.height, len(made.data), made.sha256)
        )
    checkpoint("enhance.stored")
    enhancement = {
        "steps": [dump(step) for step in result.steps],
        "proxy_key": proxy_key,
        "renditions": [dump(rendition) for rendition in renditions],
        "facts": dump(result.facts),
        "findings": dump(result.findings),
        "before": dump(result.before),
        "kept_original": result.kept_original,
    }
    written = sum(rendition.bytes for rendition in renditions)
    return {"enhancement": enhancement, "bytes_in": len(data), "bytes_out": written}


def upload(line: Line, item: ItemRow, fence: Fence) -> Patch:
    """Every rendition lies behind the CDN and has been read back byte for byte."""
    from pipeline.stages.upload import publish

    delivery = _workflow(line.database, item.job_id).delivery
    published = []
    for made in _enhancement(item)["renditions"]:
        rendition = load(Rendition, made)
        extension = rendition.key.rpartition(".")[2]
        key = item_key(delivery, item, fence, rendition.sha256, extension)
        publish(line.store, rendition.key, key, sha256=rendition.sha256)
        published.append({**made, "key": key})
    checkpoint("upload.stored")
    return {"renditions": published, "bytes_out": sum(made["bytes"] for made in published)}


def score(line: Line, item: ItemRow, fence: Fence) -> Patch:
    """The item has its explained score and its outcome, and has ended."""
    from pipeline.stages.score import outcome_of
    from pipeline.stages.score import score as judge

    enhancement = _enhancement(item)
    guidelines = _workflow(line.database, item.job_id).guidelines
    quality = judge(load(Findings, enhancement["findings"]), load(MediaFacts, enhancement["facts"]), guidelines)
    return {
        "state": ItemState.ENDED,
        "outcome": outcome_of(quality, kept_original=enhancement["kept_original"]),
        "score": quality.score,
        "quality": dump(quality),
    }


WORK: Mapping[Stage, Work] = {
    Stage.DOWNLOAD: download,
    Stage.VALIDATE: validate,
    Stage.ANALYZE: analyze,
    Stage.ENHANCE: enhance,
    Stage.UPLOAD: upload,
    Stage.SCORE: score,
}


@lru_cache(maxsize=256)
def _workflow(database: Database, job_id: UUID) -> Workflow:
    """The workflow as it was when the job was accepted."""
    from pipeline.workflows import workflow_from_json

    return workflow_from_json(job_of(database, job_id).workflow or {})


def _enhancement(item: ItemRow) -> dict[str, Any]:
    return item.enhancement or {}
