"""The errors this project raises.

PipelineError
├── MediaError            the customer's file or source is at fault: recorded on the item, the rest goes on
│   ├── EmptyMedia, UnsupportedType, UnsupportedVariant, CorruptMedia
│   ├── TooManyBytes, TooManyPixels, MetadataTooLarge
│   ├── NoVideo, TooLong, TooExpensive
│   └── SourceError       what the customer's server answered is at fault
│       ├── SourceRefused, SourceNotFound, SourceForbidden, SourceTruncated
│       └── SourceTimedOut
├── RequestError          the customer's request is at fault: 4xx
│   ├── Unauthenticated, Forbidden, NotFound, Conflict
│   ├── RateLimited, PlanLimitReached, TooManyUploads
│   ├── RequestTimedOut, RequestTooLarge, UploadTooLarge, UnsupportedMediaType
│   └── InvalidRequest, InvalidWorkflow
├── TransientError        nobody is at fault yet: re-queued with back-off, costs no attempt
│   ├── SourceUnavailable, SourceBusy, StoreUnavailable, DatabaseUnavailable
│   └── ShardLost         another run has taken the shard over: this one stops and writes nothing
├── OperatorError         the installation is at fault: says what to install or set
│   └── CapabilityUnavailable
└── Stopped               nobody is at fault: who asked for the work's end (a deadline, a cancel) decides what it means
"""

from collections.abc import Mapping, Sequence


class PipelineError(Exception):
    """Unexpected pipeline error."""

    code = "internal_error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)

    @property
    def message(self) -> str:
        return str(self)


class MediaError(PipelineError):
    """The media file cannot be used."""

    code = "media_error"
    retryable = False


class EmptyMedia(MediaError):
    """The file is empty: send it again, the upload or the source delivered no bytes."""

    code = "empty"


class UnsupportedType(MediaError):
    """The content is not a JPEG, PNG or TIFF picture: convert it to one of these and send it again."""

    code = "unsupported_type"


class UnsupportedVariant(MediaError):
    """The file has a supported type in a form that cannot be read: save it as a baseline JPEG, PNG or TIFF."""

    code = "unsupported_variant"


class CorruptMedia(MediaError):
    """The picture could not be decoded to its end: export it again from the original."""

    code = "corrupt"


class TooManyBytes(MediaError):
    """The file is larger than the limit."""

    code = "too_large_bytes"


class TooManyPixels(MediaError):
    """The picture has more pixels than the limit."""

    code = "too_many_pixels"


class MetadataTooLarge(MediaError):
    """The metadata inside the file is larger than the limit: strip it and send the file again."""

    code = "metadata_too_large"


class NoVideo(MediaError):
    """The file holds no moving pictures: send a file with a video track."""

    code = "no_video"


class TooLong(MediaError):
    """The video is longer than the limit: cut it into parts and send these."""

    code = "too_long"


class TooExpensive(MediaError):
    """The file takes more memory or computing time than one file may: export it again in a smaller size."""

    code = "too_expensive"


class Quarantined(MediaError):
    """The worker died three times while it worked on this item, so it is left alone."""

    code = "quarantined"


class SourceError(MediaError):
    """The source did not deliver the file."""

    code = "source_error"
    retryable = True


class SourceRefused(SourceError):
    """The address of the source is not one that Darkroom may call."""

    code = "source_refused"
    retryable = False


class SourceNotFound(SourceError):
    """The source says that the file does not exist."""

    code = "source_not_found"


class SourceForbidden(SourceError):
    """The source refused the credentials, or wants some: set source_auth on the batch."""

    code = "source_forbidden"


class SourceTruncated(SourceError):
    """The source closed the connection before the whole file had come."""

    code = "source_truncated"


class SourceTimedOut(SourceError):
    """The source did not deliver the whole file in time."""

    code = "source_timed_out"


class SourceExhausted(SourceError):
    """The source stayed unavailable after every retry."""

    code = "source_unavailable"


class RequestError(PipelineError):
    """The request cannot be carried out."""

    code = "request_error"
    status = 400


class Unauthenticated(RequestError):
    """Unauthenticated."""

    code = "unauthenticated"
    status = 401


class Forbidden(RequestError):
    """The credential does not allow this."""

    code = "forbidden"
    status = 403


class NotFound(RequestError):
    """There is no such object."""

    code = "not_found"
    status = 404


class Conflict(RequestError):
    """The object is not in a state in which this can be done."""

    code = "conflict"
    status = 409


class InvalidRequest(RequestError):
    """The given data was invalid."""

    code = "invalid_request"
    status = 422

    def __init__(self, fields: Mapping[str, Sequence[str]], message: str | None = None) -> None:
        self.fields = {name: list(messages) for name, messages in fields.items()}
        first = next((messages[0] for messages in self.fields.values() if messages), None)
        super().__init__(message or first)


class InvalidWorkflow(RequestError):
    """The workflow file has mistakes."""

    code = "invalid_workflow"
    status = 422

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("; ".join(mistakes))


class RateLimited(RequestError):
    """Too Many Attempts."""

    code = "rate_limited"
    status = 429

    def __init__(self, retry_after_s: int, message: str | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class PlanLimitReached(RateLimited):
    """The plan's number of batches at work at the same time is reached: wait until one has ended."""

    code = "plan_limit_reached"


class TooManyUploads(RateLimited):
    """Too many uploads of this account are under way: send the next one when one of them has ended."""

    code = "too_many_uploads"


class RequestTimedOut(RequestError):
    """The request's body did not come in time."""

    code = "request_timed_out"
    status = 408


class RequestTooLarge(RequestError):
    """The request is larger than the limit."""

    code = "request_too_large"
    status = 413


class UploadTooLarge(RequestTooLarge):
    """The upload is larger than the limit."""

    code = "too_large_bytes"


class UnsupportedMediaType(RequestError):
    """The request's body is not of a type that can be read here."""

    code = "unsupported_media_type"
    status = 415


class TransientError(PipelineError):
    """Something needed is not available for the moment."""

    code = "temporarily_unavailable"

    def __init__(self, message: str | None = None, *, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class SourceUnavailable(TransientError):
    """The source is not available for the moment."""

    code = "source_unavailable"


class SourceBusy(TransientError):
    """We fetch as much from this source as we may at the same time: not the source's failure, so it counts no try."""

    code = "source_busy"


class StoreUnavailable(TransientError):
    """The object store is not available for the moment."""

    code = "store_unavailable"


class ObjectMissing(PipelineError):
    """The object store has no object under this key."""

    code = "object_missing"


class DatabaseUnavailable(TransientError):
    """The database is not available for the moment."""

    code = "database_unavailable"


class ShardLost(TransientError):
    """Another run has taken this shard over."""

    code = "shard_lost"


class OperatorError(PipelineError):
    """The installation needs attention."""

    code = "operator_error"


class CapabilityUnavailable(OperatorError):
    """A model that this capability needs is missing."""

    code = "capability_unavailable"


class Stopped(PipelineError):
    """The work was ended before it was done, because somebody asked for it."""

    code = "stopped"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The work was ended before it was done: {reason}.")
