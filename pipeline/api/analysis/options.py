"""What may be chosen of the analysis interface where it is served; its other limits are `LineOptions.analysis`."""

from dataclasses import dataclass

from pipeline.access.api_key import DEFAULT_HEADER


@dataclass(frozen=True, slots=True)
class AnalysisDoor:
    """The contract names neither paths nor the key's header: these are our choice, and each can be another."""

    video_path: str = "/video"
    images_path: str = "/images"
    latency_path: str = "/latency"
    api_key_header: str = DEFAULT_HEADER
    max_body_bytes: int = 256 * 1024**2
    """Of a batch of images as it is sent, in base64: about 190 MB of pictures."""
    poll_s: int = 2
    """What `Retry-After` suggests while a job is at work: 30 looks a minute leave half of the standard plan's."""

    def owns(self, path: str) -> bool:
        """Whether errors at this path are told in this interface's form."""
        own = (self.video_path, self.images_path, self.latency_path)
        return any(path == each or path.startswith(f"{each}/") for each in own)
