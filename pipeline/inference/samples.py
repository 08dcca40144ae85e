"""A picture made of whole numbers alone: the same on every machine, and something to look at for a network."""

import numpy as np
from numpy.typing import NDArray


def sample_picture(height: int, width: int) -> NDArray[np.uint8]:
    """(height, width, 3): a sky and a ground that shade off, a disc, a dark box, and fine lines."""
    rows, columns = np.mgrid[:height, :width]
    sky = np.stack((120 + 60 * rows // height, 150 + 50 * rows // height, 220 - 30 * rows // height), axis=-1)
    ground = np.stack((90 + 40 * columns // width, 110 + 20 * rows // height, 60 + 30 * columns // width), axis=-1)
    picture = np.where((rows > height * 3 // 5)[..., None], ground, sky)
    distance = (rows - height // 3) ** 2 + (columns - width * 2 // 3) ** 2
    picture[distance < (min(height, width) // 6) ** 2] = (240, 200, 60)
    picture[height // 2 : height * 5 // 6, width // 8 : width * 2 // 5] = (40, 30, 50)
    fine = (rows // 2 + columns // 3) % 2 == 0
    picture[fine & (rows > height * 5 // 6)] = (200, 205, 210)
    return picture.astype(np.uint8)
