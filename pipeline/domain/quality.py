"""Metrics, criteria, guidelines and the explained score."""

from dataclasses import dataclass, field
from math import inf


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of an explained score.

    `points_lost` over all criteria and the score add up to exactly 100 (both in tenths of a point).
    """

    name: str
    value: float | str
    target: str
    """What would lose nothing, in words and numbers: "at least 0.45"."""
    weight: float
    """Share of the 100 points that this criterion can lose, 0..1."""
    points_lost: float
    sentence: str
    """One plain sentence for a photographer."""
    unit: str = ""
    met: bool = True
    """Whether the value meets the target."""
    required: bool = False
    """True for a guideline that rejects the picture, whatever its score, when it is not met."""
    origin: str = "standard"
    """"standard" or "guideline"."""


@dataclass(frozen=True, slots=True)
class QualityScore:
    """0..100 with one decimal, explained by criteria whose lost points are exactly what is missing to 100."""

    score: float
    pass_mark: float
    criteria: tuple[Criterion, ...]
    unavailable: dict[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return self.score >= self.pass_mark and not self.unmet

    @property
    def unmet(self) -> tuple[Criterion, ...]:
        """The required guidelines that this picture does not meet."""
        return tuple(criterion for criterion in self.criteria if criterion.required and not criterion.met)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the picture is not good enough, worst first; empty when it passed."""
        if self.passed:
            return ()
        if self.unmet:
            return tuple(criterion.sentence for criterion in self.unmet)
        worst = sorted(self.criteria, key=lambda criterion: -criterion.points_lost)
        return tuple(criterion.sentence for criterion in worst[:3] if criterion.points_lost > 0)


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that is measured on every picture, and that a guideline may set a threshold on."""

    name: str
    unit: str
    minimum: float
    maximum: float
    """The range in which values lie; infinity where there is no end."""
    sentence: str


def _metrics(*metrics: Metric) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics}


METRICS: dict[str, Metric] = _metrics(
    Metric("sharpness", "", 0, 1, "How steep the strongest edges are: 0 no edge or only blur, 1 as steep as can be."),
    Metric("exposure", "EV", -7, 2.3, "Stops between the mean tone and middle grey; negative is darker."),
    Metric("highlights", "level", 0, 255, "The tone that only the brightest 1 % exceed, of 255."),
    Metric("clipped_highlights", "share", 0, 1, "Share of the pixels that are blown out, white background left out."),
    Metric("clipped_shadows", "share", 0, 1, "Share of the pixels that are blocked up, black background left out."),
    Metric("contrast", "share", 0, 1, "Span of the tones from the 5th to the 95th percentile."),
    Metric("noise", "levels", 0, inf, "Standard deviation of the noise on the proxy, in 8-bit levels."),
    Metric("color_cast", "", 0, inf, "Deviation of the light from neutral: 0.1 is about 10 % between the channels."),
    Metric("saturation", "share", 0, 1, "Mean saturation with the cast taken out: 0 is black and white."),
    Metric("colourfulness", "", 0, inf, "Hasler and Suesstrunk: 15 slightly, 33 moderately, 59 highly colourful."),
    Metric("tilt", "degrees", -15, 15, "How far the picture leans, clockwise positive; 0 where nothing tells."),
    Metric("resolution", "MP", 0, inf, "Millions of pixels of the picture itself, not of the proxy."),
    Metric("blockiness", "", 0, inf, "How strongly a JPEG's 8 x 8 grid shows; below 0.03 it does not."),
    Metric(
        "compression", "quality", 1, 100, "JPEG quality of the file or what its pixels look like, whichever is less."
    ),
    Metric("composition", "", 0, 1, "Placement and balance: 1 while the picture's weight lies between its thirds."),
    Metric("subject_fill", "share", 0, 1, "Share of the frame's width or height, the larger, that the subject takes."),
    Metric("background_luma", "level", 0, 255, "Mean luma of the picture's outer 4 %."),
    Metric("background_white", "share", 0, 1, "Share of the picture's outer 4 % that is white."),
    Metric("background_spread", "levels", 0, 128, "Standard deviation of the border's luma: below 12 it is plain."),
    Metric("nima_technical", "", 1, 10, "A neural network's opinion of the technical quality."),
    Metric("nima_aesthetic", "", 1, 10, "A neural network's opinion of how pleasing the picture is."),
)
"""Every metric by name. `analyze` measures them on the proxy; the last two need a model."""

STANDARD_POINTS: dict[str, float] = {
    "sharpness": 40,
    "exposure": 40,
    "contrast": 15,
    "noise": 30,
    "color_cast": 25,
    "saturation": 10,
    "tilt": 18,
    "resolution": 15,
    "compression": 25,
    "composition": 6,
    "nima_technical": 5,
    "nima_aesthetic": 5,
}
"""The standard criteria, and how many of the 100 points each can cost at the worst.

Together more than 100, on purpose: a picture that is only blurred must not pass because its colours are right. The two
heaviest each bring an otherwise perfect picture to the default pass mark of 60; nothing falls below 0.
"""

RULE_FACTS: dict[str, str] = {
    "width": "Width in pixels.",
    "height": "Height in pixels.",
    "long_side": "The larger of width and height, in pixels.",
    "short_side": "The smaller of width and height, in pixels.",
    "megapixels": "Millions of pixels.",
    "aspect_ratio": 'Width to height, one_of such as "4:3" or "1:1", within 2 %; or width / height as a number.',
    "background": 'One of "white" (95 % of the outer 4 % is white) and "plain" (its luma spreads less than 12 levels).',
}
"""What a guideline's rule may be about besides the metrics."""

BACKGROUNDS = ("white", "plain")
