"""What each stage does for a picture that is to be analyzed."""

from collections.abc import Mapping

from pipeline.domain.jobs import ItemState, Outcome, Stage
from pipeline.services.biometrics import findings_columns
from pipeline.services.kinds.originals import job_of, known_to, take_upload, validate_picture
from pipeline.services.line import Line
from pipeline.services.processing import Patch, Work
from pipeline.store.items import ItemRow
from pipeline.store.shards import Fence

PROXY_SIDE = 960
"""Pixels of the longest side on which tags, people and text are looked for: the text detector's size, at which it reads
all of the given texts (media-facts)."""


def validate(line: Line, item: ItemRow, fence: Fence) -> Patch:
    """The proxy has the size at which tags, people and text are looked for."""
    return validate_picture(line, item, fence, proxy_side=PROXY_SIDE)


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
        **findings_columns(found, keep=bool(options.get("keeps_biometrics", True))),
        "bytes_in": len(proxy),
    }


WORK: Mapping[Stage, Work] = {
    Stage.DOWNLOAD: take_upload,
    Stage.VALIDATE: validate,
    Stage.ANALYZE: analyze,
}
