"""What each stage does for a picture that is to be analyzed."""

from collections.abc import Mapping

from pipeline.domain.jobs import ItemState, Outcome, Stage
from pipeline.services.biometrics import apart
from pipeline.services.checkpoints import checkpoint
from pipeline.services.keys import item_key, sha256_of
from pipeline.services.kinds.originals import job_of, known_to, room_for, take_upload
from pipeline.services.line import Line
from pipeline.services.processing import Patch, Work
from pipeline.store.items import ItemRow
from pipeline.store.shards import Fence
from pipeline.store.values import dump

PROXY_SIDE = 960
"""Pixels of the longest side on which tags, people and text are looked for: the text detector's size, at which it reads
all of the given texts (media-facts)."""


def validate(line: Line, item: ItemRow, fence: Fence) -> Patch:
    """The picture is known to decode to its end; its facts and a reduced proxy are kept."""
    from pipeline.media.image import stated_pixels
    from pipeline.stages.validate import validate as check

    data = line.store.get(item.original_key or "")
    with room_for(stated_pixels(data)):
        validated = check(data, line.options.limits, sha256=item.original_sha256 or "", proxy_side=PROXY_SIDE)
    key = item_key("work", item, fence, sha256_of(validated.proxy), "jpg")
    line.store.put(key, validated.proxy, media_type="image/jpeg")
    checkpoint("validate.stored")
    return {"facts": dump(validated.facts), "proxy_key": key, "bytes_in": len(data)}


def analyze(line: Line, item: ItemRow, fence: Fence) -> Patch:
    """The item has ended: what was found on its proxy is kept, and what could not be looked for is named."""
    from pipeline.stages.analyze.needs import Asked
    from pipeline.stages.analyze_image import analyze_image
    from pipeline.stages.validate import decode_proxy

    options = job_of(line.database, item.job_id).options
    known = known_to(line.database, item.job_id, item.account_id)
    proxy = line.store.get(item.proxy_key or "")
    asked = Asked(line.models, line.reader, critical=frozenset(options.get("critical_tags", ())), known=known)
    found = analyze_image(decode_proxy(proxy), asked)
    return {
        "state": ItemState.ENDED,
        "outcome": Outcome.ANALYZED,
        **apart(found, keep=bool(options.get("keeps_biometrics", True))),
        "bytes_in": len(proxy),
    }


WORK: Mapping[Stage, Work] = {
    Stage.DOWNLOAD: take_upload,
    Stage.VALIDATE: validate,
    Stage.ANALYZE: analyze,
}
