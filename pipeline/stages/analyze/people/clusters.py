"""Appearances that are one person's, by average linkage; two faces seen in one frame never are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.stages.analyze.people.appearances import Appearance

CLUSTER = 0.34
"""Least average cosine within a person, by the models' notes: no two of 262 pairs of different people had more."""
MOST_GROUPS = 2000
"""Their similarities take 32 MB, and finding who is who 2 s (measured); 500 take 0.04 s."""
CERTAIN = 0.6
"""Cosine from which an appearance joins a person at once: far above any two people, the mean of one person's pairs."""


def join(groups: list[Appearance], closed: Appearance) -> None:
    """The appearance is in the groups afterwards: in that of the same person where that is certain, else as a new one.

    So what is kept does not grow with the number of times that somebody comes back.
    """
    likely = max(groups, key=closed.likeness, default=None)
    if likely is not None and closed.likeness(likely) >= CERTAIN and not closed.meets(likely):
        likely.absorb(closed)
    else:
        groups.append(closed)


def people_among(groups: Sequence[Appearance], *, most: int = MOST_GROUPS) -> list[Appearance]:
    """One appearance for each person, in order of the first sample they are in; the groups stay as they are.

    Of more than `most` groups those count that were seen most often.
    """
    groups = sorted(groups, key=lambda group: -len(group.samples))[:most]
    people = []
    for members in partition(groups):
        person = Appearance()
        for member in members:
            person.absorb(groups[member])
        people.append(person)
    return sorted(people, key=lambda person: min(person.samples))


def partition(groups: Sequence[Appearance]) -> list[list[int]]:
    """Positions of the groups that belong together: average linkage down to `CLUSTER`, nobody with who they met."""
    if not groups:
        return []
    totals = np.stack([group.total for group in groups]).astype(np.float64)
    tracks = np.array([group.tracks for group in groups], dtype=np.float64)
    seen = [group.seen for group in groups]
    members = [[position] for position in range(len(groups))]
    links = totals @ totals.T / np.outer(tracks, tracks)
    np.fill_diagonal(links, -np.inf)
    while True:
        into, gone = (int(index) for index in np.unravel_index(links.argmax(), links.shape))
        if links[into, gone] < CLUSTER:
            return [found for found in members if found]
        if seen[into] & seen[gone]:
            links[into, gone] = links[gone, into] = -np.inf
            continue
        totals[into] += totals[gone]
        tracks[into] += tracks[gone]
        seen[into] |= seen[gone]
        members[into] += members[gone]
        members[gone] = []
        _relink(links, totals, tracks, into, gone)


def _relink(
    links: NDArray[np.float64], totals: NDArray[np.float64], tracks: NDArray[np.float64], into: int, gone: int
) -> None:
    """The averages of the cluster that has grown; what either half must not join, both must not."""
    apart = np.isneginf(links[into]) | np.isneginf(links[gone])
    grown = totals @ totals[into] / (tracks * tracks[into])
    grown[apart] = -np.inf
    links[into, :] = links[:, into] = grown
    links[gone, :] = links[:, gone] = -np.inf
