"""The text in a picture."""

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import TextResult
from pipeline.errors import CapabilityUnavailable
from pipeline.ports import TextReader
from pipeline.stages.analyze.text.languages import in_context
from pipeline.stages.analyze.text.lines import blocks_of, lines_of, rows_of, text_of


def texts_in_picture(pixels: NDArray[np.uint8], reader: TextReader) -> tuple[TextResult, ...]:
    """What stands written in (H, W, 3) sRGB `pixels`, in reading order, a result for each text.

    Rows that belong together are one text, separated by line feeds. Raises `CapabilityUnavailable` with the reason
    where the engine is missing: an empty result means that nothing was found.
    """
    reason = reader.unavailable()
    if reason is not None:
        raise CapabilityUnavailable(reason)
    height, width = pixels.shape[:2]
    lines = lines_of(reader.read(pixels), width, height)
    return in_context([text_of(block, width, height) for block in blocks_of(rows_of(lines))])
