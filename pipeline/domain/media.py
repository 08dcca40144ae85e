"""What is known of a picture: where it came from, what it is, what was made of it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What an interface accepts. Defaults are those of enhancement batches (contract section 1)."""

    media_types: tuple[str, ...] = ("image/jpeg", "image/png", "image/tiff")
    max_bytes: int = 15 * 1024 * 1024
    max_pixels: int = 100_000_000
    max_metadata_bytes: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """What a video interface accepts. An 8K picture has 33 megapixels; 6 hours at 60 pictures a second 1.3 million."""

    max_bytes: int = 2 * 1024**3
    max_pixels: int = 36_000_000
    max_duration_s: float = 6 * 3600.0
    max_frames: int = 1_300_000


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What `validate` found. Sizes are in pixels after orientation is applied."""

    media_type: str
    width: int
    height: int
    bytes: int
    sha256: str
    orientation: int = 1
    """EXIF orientation as stored, 1..8; pixels handed on are always upright."""
    color_space: str = "sRGB"
    """Colour space of the file as it came: sRGB, gray, CMYK, Lab or the ICC profile's description."""
    bit_depth: int = 8
    has_alpha: bool = False
    frames: int = 1
    """Frames or pages in the file; only the first is used. 2 stands for "more than one"."""
    jpeg_quality: int | None = None
    """1..100, estimated from the luma quantisation table; None for other types."""
    has_gps: bool = False
    captured_at: str | None = None
    camera: str | None = None
    creator: str | None = None
    copyright: str | None = None

    @property
    def megapixels(self) -> float:
        return self.width * self.height / 1e6


@dataclass(frozen=True, slots=True)
class Rendition:
    """One file made from an original, as it lies in the object store."""

    name: str
    key: str
    media_type: str
    width: int
    height: int
    bytes: int
    sha256: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A bounding box: fractions of the upright image, origin top left."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class DominantColor:
    hex: str
    share: float


@dataclass(frozen=True, slots=True)
class Findings:
    """What `analyze` found on the proxy.

    `metrics` maps a metric's name (see `pipeline.domain.quality.METRICS`) to its value; a metric that could not be
    measured (its model is missing) is absent and its name is in `unavailable`, with the reason.
    """

    metrics: dict[str, float]
    tilt_degrees: float
    """How far the picture leans, clockwise positive; 0.0 where no clear horizon or vertical was found."""
    tilt_confidence: float
    dominant_colors: tuple[DominantColor, ...]
    perceptual_hash: str
    """64-bit DCT hash, 16 hex digits."""
    subject: Box | None = None
    """The region that a crop must keep, by saliency; None when the picture has no clear subject."""
    histogram: dict[str, float] = field(default_factory=dict)
    """Facts of the luma and channel histograms, 0..255: see `pipeline/media/metrics.py`."""
    unavailable: dict[str, str] = field(default_factory=dict)
