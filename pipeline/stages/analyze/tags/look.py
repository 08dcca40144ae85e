"""What is kept of a frame that was looked at: numbers, never pixels."""

from dataclasses import dataclass

from pipeline.domain.analysis import Label


@dataclass(frozen=True, slots=True)
class Look:
    """A frame of a video as a thumbnail would show it, and what the models saw in it where they were asked.

    About 0.5 kB without labels, so an hour takes a few megabytes.
    """

    time_s: float
    signature: bytes
    """Where it is light, which tones, colours and directions it has: see `pipeline.stages.analyze.tags.signature`."""
    brightness: float
    """Mean luma, 0..255."""
    spread: float
    """Standard deviation of luma, 0..127."""
    dark: float
    """Share of pixels darker than 32 of 255."""
    plain: float
    """Share of pixels of the commonest tone: 1.0 for a blank card."""
    moved: float
    """Mean difference of luma to the look before, 0..255, on a grid of 32 by 18: noise averages out, 0.0 is a still."""
    unrest: float
    """How far points move against one another, in pixels of 320 per 1/30 s: pans and zooms of the camera are 0.0."""
    sharpness: float
    """Standard deviation of the Laplacian on the 320-pixel luma; to compare within one video."""
    exposure: float
    """0..1: neither dark nor bright as a whole, and nothing clipped."""
    openness: float
    """0..1: calm room around something to see, and nothing cut by the border."""
    judged: bool = False
    """Whether the models were asked. Where not, the frame looked like the one judged before it."""
    labels: tuple[Label, ...] = ()
    """Words with their probability."""
    flags: tuple[Label, ...] = ()
    """Moderation labels with their probability."""
    persons: int = 0
    person_share: float = 0.0
    """Of the picture, the box of the largest person, 0..1."""
