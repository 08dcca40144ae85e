"""The standard criteria: what each looks at, what it costs, and how a photographer would say it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.domain.media import Findings
from pipeline.stages.scoring import curves

Meets = Callable[[Findings], bool]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one criterion makes of one picture. `loss` 0..1 is the share of its points that the picture loses."""

    value: float
    loss: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard criterion; `needs` is the metric without which nothing can be said."""

    name: str
    needs: str
    unit: str
    target: str
    meets: Meets
    """Whether a picture meets the target; nothing to do with points, which a good picture may lose a few of."""
    judge: Callable[[Findings], Verdict]


def standard_criteria() -> tuple[Standard, ...]:
    """All of them, in the order of `pipeline.domain.quality.STANDARD_POINTS`."""
    return _CRITERIA


def _within(metric: str, *, least: float = -math.inf, most: float = math.inf) -> Meets:
    """Judged as it is shown, to three decimals, so that a value and its target never contradict each other."""
    return lambda findings: least <= round(findings.metrics[metric], 3) <= most


def _well_exposed(findings: Findings) -> bool:
    metrics = findings.metrics
    reaches = metrics["highlights"] >= 200
    keeps_tones = metrics["clipped_highlights"] < 0.01 and metrics["clipped_shadows"] < 0.15
    return reaches and keeps_tones and -0.9 <= round(metrics["exposure"], 3) <= 1.1


def _natural(findings: Findings) -> bool:
    saturation = round(findings.metrics["saturation"], 3)
    return 0.16 <= saturation <= 0.55 or saturation <= 0.02


def _level(findings: Findings) -> bool:
    return abs(round(findings.tilt_degrees, 3)) <= 0.5 or _tilt_trust(findings) == 0


def _tilt_trust(findings: Findings) -> float:
    doubt = curves.TILT_DOUBT * max(0.0, abs(findings.tilt_degrees) - 8)
    return curves.share(curves.TILT_TRUST, findings.tilt_confidence - doubt)


_GOOD, _SLIGHT = 0.06, 0.3
"""Shares of the points up to which a fault is none worth telling, and up to which it is a slight one."""


def _plain(name: str, curve: curves.Curve, good: str, slight: str, bad: str) -> Callable[[Findings], Verdict]:
    """A verdict from one metric, one curve and three sentences."""

    def judge(findings: Findings) -> Verdict:
        value = findings.metrics[name]
        loss = curves.share(curve, value)
        words = good if loss <= _GOOD else slight if loss <= _SLIGHT else bad
        return Verdict(value, loss, words.format(value=value))

    return judge


def _exposure(findings: Findings) -> Verdict:
    metrics = findings.metrics
    stops, blown, blocked = (metrics[name] for name in ("exposure", "clipped_highlights", "clipped_shadows"))
    low_key = curves.share(curves.LOW_KEY, metrics["highlights"])
    tone = low_key * curves.share(curves.TONE_BELOW, stops) + curves.share(curves.TONE_ABOVE, stops)
    faults = {
        "tone": tone,
        "reach": curves.share(curves.HIGHLIGHTS, metrics["highlights"]),
        "blown": curves.share(curves.BLOWN_OUT, blown),
        "blocked": curves.share(curves.BLOCKED_UP, blocked),
    }
    side = "darker" if stops < 0 else "brighter"
    said = {
        "tone": f"The picture is {abs(stops):.1f} stops {side} than middle grey.",
        "reach": f"Underexposed: the brightest tones only reach {metrics['highlights']:.0f} of 255.",
        "blown": f"{blown:.0%} of the picture is blown out.",
        "blocked": f"{blocked:.0%} of the picture is blocked up to black.",
    }
    loss = curves.either(*faults.values())
    worst = max(faults, key=lambda fault: faults[fault])
    good = f"Well exposed: {abs(stops):.1f} stops {side} than middle grey, {blown:.1%} blown out."
    return Verdict(stops, loss, good if loss <= _GOOD else said[worst])


def _tilt(findings: Findings) -> Verdict:
    degrees = findings.tilt_degrees
    trust = _tilt_trust(findings)
    loss = trust * curves.share(curves.TILT, abs(degrees))
    if trust == 0:
        return Verdict(degrees, loss, "Nothing in the picture says that it leans: it has no clear horizon or vertical.")
    if loss <= _GOOD:
        return Verdict(degrees, loss, f"The picture is level (to {abs(degrees):.1f} degrees).")
    side = "clockwise" if degrees > 0 else "counter-clockwise"
    return Verdict(degrees, loss, f"The picture leans {abs(degrees):.1f} degrees {side}.")


def _resolution(findings: Findings) -> Verdict:
    value = findings.metrics["resolution"]
    loss = curves.share(curves.RESOLUTION, math.log2(max(value, 1e-6)))
    use = "enough for a large print" if loss <= 0.08 else "enough for a screen" if loss <= 0.3 else "too few for print"
    return Verdict(value, loss, f"{value:.1f} megapixels are {use}.")


def _saturation(findings: Findings) -> Verdict:
    value = findings.metrics["saturation"]
    loss = curves.share(curves.SATURATION, value)
    if value <= 0.02:
        return Verdict(value, loss, "The picture is black and white.")
    if loss <= _GOOD:
        return Verdict(value, loss, f"The colours are natural (saturation {value:.0%}).")
    fault = "faded" if value < 0.3 else "oversaturated"
    return Verdict(value, loss, f"The colours are {fault} (saturation {value:.0%}).")


_CRITERIA: tuple[Standard, ...] = (
    Standard(
        "sharpness",
        "sharpness",
        "",
        "at least 0.70",
        _within("sharpness", least=0.7),
        _plain(
            "sharpness",
            curves.SHARPNESS,
            "The picture is sharp ({value:.2f} of 1).",
            "The picture is slightly soft (sharpness {value:.2f} of 1).",
            "The picture is blurred (sharpness {value:.2f} of 1).",
        ),
    ),
    Standard(
        "exposure",
        "exposure",
        "EV",
        "-0.9 to +1.1 stops from middle grey, lights up to 200 of 255, under 1 % blown out, under 15 % blocked up",
        _well_exposed,
        _exposure,
    ),
    Standard(
        "contrast",
        "contrast",
        "",
        "tones span at least 0.55 of the range",
        _within("contrast", least=0.55),
        _plain(
            "contrast",
            curves.CONTRAST,
            "The contrast is good: its tones span {value:.0%} of the range.",
            "The contrast is low: its tones span only {value:.0%} of the range.",
            "The picture is flat: its tones span only {value:.0%} of the range.",
        ),
    ),
    Standard(
        "noise",
        "noise",
        "levels",
        "at most 1.2 levels",
        _within("noise", most=1.2),
        _plain(
            "noise",
            curves.NOISE,
            "There is no disturbing noise ({value:.1f} levels).",
            "Some noise shows ({value:.1f} levels).",
            "The picture is noisy ({value:.1f} levels).",
        ),
    ),
    Standard(
        "color_cast",
        "color_cast",
        "",
        "at most 0.10",
        _within("color_cast", most=0.1),
        _plain(
            "color_cast",
            curves.COLOR_CAST,
            "The white balance is neutral (cast {value:.2f}).",
            "There is a slight colour cast ({value:.2f}).",
            "There is a strong colour cast ({value:.2f}).",
        ),
    ),
    Standard("saturation", "saturation", "", "0.16 to 0.55, or black and white", _natural, _saturation),
    Standard("tilt", "tilt", "degrees", "within 0.5 degrees of level, where a line tells", _level, _tilt),
    Standard("resolution", "resolution", "MP", "at least 8 megapixels", _within("resolution", least=8), _resolution),
    Standard(
        "compression",
        "compression",
        "quality",
        "JPEG quality of at least 85",
        _within("compression", least=85),
        _plain(
            "compression",
            curves.COMPRESSION,
            "Compression does not show (like JPEG quality {value:.0f}).",
            "Compression shows on a close look (like JPEG quality {value:.0f}).",
            "The picture is heavily compressed (like JPEG quality {value:.0f}).",
        ),
    ),
    Standard(
        "composition",
        "composition",
        "",
        "at least 0.90",
        _within("composition", least=0.9),
        _plain(
            "composition",
            curves.COMPOSITION,
            "The picture is well balanced ({value:.2f} of 1).",
            "The picture's weight lies a little off balance ({value:.2f} of 1).",
            "The picture's weight lies at its edge ({value:.2f} of 1).",
        ),
    ),
    Standard(
        "nima_technical",
        "nima_technical",
        "of 10",
        "at least 5.8",
        _within("nima_technical", least=5.8),
        _plain(
            "nima_technical",
            curves.NIMA_TECHNICAL,
            "The technical model rates it {value:.1f} of 10, which is good.",
            "The technical model rates it {value:.1f} of 10, which is ordinary.",
            "The technical model rates it {value:.1f} of 10, which is low.",
        ),
    ),
    Standard(
        "nima_aesthetic",
        "nima_aesthetic",
        "of 10",
        "at least 5.6",
        _within("nima_aesthetic", least=5.6),
        _plain(
            "nima_aesthetic",
            curves.NIMA_AESTHETIC,
            "The aesthetic model rates it {value:.1f} of 10, which is good.",
            "The aesthetic model rates it {value:.1f} of 10, which is ordinary.",
            "The aesthetic model rates it {value:.1f} of 10, which is low.",
        ),
    ),
)
