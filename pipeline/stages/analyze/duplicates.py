"""Near-duplicates within a batch, by perceptual hash."""

from collections.abc import Sequence

import numpy as np

from pipeline.media.metrics.hashes import FLAT_HASH


def find_duplicates(hashes: Sequence[tuple[int, str]], *, max_distance: int = 4) -> dict[int, int]:
    """Position of each picture that repeats an earlier one -> position of the earliest that it repeats.

    `hashes` are (position, perceptual hash) in any order. At most 4 of 64 bits: re-encoding, resizing and slight
    corrections change up to 4, different views of one scene differ by 10 and more. Flat pictures repeat nothing.
    """
    ordered = sorted((position, value) for position, value in hashes if value != FLAT_HASH)
    positions = [position for position, _ in ordered]
    values = np.array([int(value, 16) for _, value in ordered], dtype=np.uint64)
    found: dict[int, int] = {}
    for index in range(1, len(positions)):
        near = np.bitwise_count(values[:index] ^ values[index]) <= max_distance
        if near.any():
            found[positions[index]] = positions[int(np.argmax(near))]
    return found
