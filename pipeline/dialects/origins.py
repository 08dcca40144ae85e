"""Where the originals of a batch lie: a credential is for one server and must never reach another."""

from collections.abc import Sequence

from pipeline.adapters.urls import parse_target
from pipeline.errors import SourceRefused

NAMED_ORIGINS = 5
"""So many servers of a batch are named where there should be one."""


def require_one_origin(urls: Sequence[str | None]) -> None:
    """All URLs have the same scheme, host and port; raises `ValueError` in words, also where there is no URL at all.

    None stands for an upload. No files at all are somebody else's mistake to name.
    """
    if urls and not any(urls):
        raise ValueError("The source_auth field is for originals at a URL, and this batch has uploads only.")
    origins = sorted({origin for url in urls if url is not None and (origin := _origin(url)) is not None})
    if len(origins) > 1:
        names = ", ".join([*origins[:NAMED_ORIGINS], *(["..."] if len(origins) > NAMED_ORIGINS else [])])
        raise ValueError(
            f"The source_auth field is for one server, and these files lie on {len(origins)} of them: {names}."
        )


def _origin(url: str) -> str | None:
    """In one spelling; None for a URL that is refused before anything is sent to it."""
    try:
        target = parse_target(url)
    except SourceRefused:
        return None
    return f"{target.scheme}://{target.authority}"
