"""Download: the original as it came, from where the customer keeps it."""

from pipeline.errors import EmptyMedia, TooManyBytes
from pipeline.ports import Fetched, Source, SourceRequest


def download(request: SourceRequest, source: Source) -> Fetched:
    """The whole original: not empty and within the limit, whichever source it came from."""
    fetched = source.fetch(request)
    if not fetched.data:
        raise EmptyMedia
    if len(fetched.data) > request.max_bytes:
        raise TooManyBytes
    return fetched
