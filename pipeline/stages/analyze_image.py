"""The analyze stage of a picture: tags, people and text, each named as unavailable where its model is missing."""

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import ImageFindings
from pipeline.errors import CapabilityUnavailable
from pipeline.stages.analyze.needs import Asked, unavailable_to
from pipeline.stages.analyze.people import KnownFace, allowlisted, people_in_picture
from pipeline.stages.analyze.tags import tags_of_picture
from pipeline.stages.analyze.text import texts_in_picture


def analyze_image(pixels: NDArray[np.uint8], asked: Asked) -> ImageFindings:
    """What was found in (H, W, 3) sRGB `pixels`; what could not be looked for is in `unavailable`, with the reason.

    Raises `CapabilityUnavailable` where nothing at all could be looked for: an empty result would look like a finding.
    """
    unavailable = unavailable_to(asked)
    people = tagged = texts = None
    if asked.models is not None and "people" not in unavailable:
        people = people_in_picture(pixels, asked.models)
    if asked.models is not None and "tags" not in unavailable:
        count = None if people is None else len(people)
        tagged = tags_of_picture(pixels, asked.models, faces=count, critical=asked.critical)
    if "text" not in unavailable:
        texts = texts_in_picture(pixels, asked.reader)
    if people is None and tagged is None and texts is None:
        raise CapabilityUnavailable("; ".join(dict.fromkeys(unavailable.values())))
    known = [KnownFace(name, vector) for name, vector in asked.known]
    return ImageFindings(
        tags=tagged or (),
        people=allowlisted(people or (), known) if known else people or (),
        texts=texts or (),
        unavailable=unavailable,
    )
