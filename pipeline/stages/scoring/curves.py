"""Curves from a measured value to the share of a criterion's points that it costs, 0..1.

Each is a table of (value, share), straight in between and level outside. Only where a value is beyond doubt good is a
curve level at 0: elsewhere it rises, if gently, so that of two pictures the better one always scores higher.
Unless a line says otherwise the points were set on 22 real photographs (companion folder and scikit-image) such that
untouched good ones lose at most a tenth, and each step of a distortion that the eye sees costs about a point.
"""

import numpy as np

Curve = tuple[tuple[float, float], ...]

SHARPNESS: Curve = ((0.05, 1), (0.2, 0.82), (0.35, 0.62), (0.5, 0.38), (0.6, 0.25), (0.7, 0.13), (0.8, 0.06), (1, 0))
"""0.7 and above: edges within two proxy pixels, what a 12 MP camera delivers when it holds focus."""
TONE_BELOW: Curve = ((-6.5, 0.85), (-4, 0.62), (-2.5, 0.38), (-1.6, 0.18), (-0.9, 0.05), (0, 0))
TONE_ABOVE: Curve = ((0.4, 0), (1.1, 0.04), (1.6, 0.12), (1.9, 0.25), (2.2, 0.5), (2.45, 0.8))
"""Stops from middle grey: the enhance stage corrects below -0.8 (mean 90 of 255) and above +1.1 (165)."""
HIGHLIGHTS: Curve = ((20, 0.9), (50, 0.72), (100, 0.46), (150, 0.22), (200, 0.05), (235, 0.005), (250, 0))
"""A scene whose lightest tone is grey has been given too little light, whatever its mean."""
LOW_KEY: Curve = ((150, 1), (200, 0.6), (240, 0.2))
"""How much of `TONE_BELOW` counts, by the same tone: a dark picture whose lights are bright is meant to be dark."""
BLOWN_OUT: Curve = ((0, 0), (0.01, 0.03), (0.05, 0.14), (0.15, 0.33), (0.4, 0.62), (0.7, 0.82), (1, 0.97))
"""1 % is a lamp or a reflection; 5 % of lost highlights is what stock agencies send back."""
BLOCKED_UP: Curve = ((0, 0), (0.05, 0.01), (0.2, 0.08), (0.5, 0.28), (1, 0.8))
CONTRAST: Curve = ((0, 1), (0.1, 0.75), (0.25, 0.4), (0.4, 0.16), (0.55, 0.05), (0.8, 0))
NOISE: Curve = (
    (0, 0),
    (0.4, 0.02),
    (0.8, 0.045),
    (1.2, 0.08),
    (2.5, 0.22),
    (4, 0.38),
    (6, 0.58),
    (10, 0.82),
    (16, 0.95),
    (30, 1),
)
"""Levels on the proxy; 12 MP averages 27 pixels into one there, so 1.2 left is about ISO 3200 at full size."""
COLOR_CAST: Curve = ((0, 0), (0.05, 0.01), (0.1, 0.06), (0.2, 0.25), (0.35, 0.55), (0.6, 0.9), (0.9, 1))
"""Log ratio between channels; daylight seen as neutral lies below 0.1, tungsten light at 0.3 and above."""
SATURATION: Curve = ((0.02, 0), (0.04, 0.3), (0.08, 0.12), (0.14, 0.02), (0.2, 0), (0.55, 0), (0.7, 0.25), (0.9, 1))
"""Below 0.02 the picture is black and white, which is meant; just above, it is faded."""
TILT: Curve = ((0.2, 0), (1, 0.13), (2, 0.3), (4, 0.54), (7, 0.75), (10, 0.88), (18, 1))
"""Degrees. Half a degree shows on a horizon when one looks for it, two degrees show unasked."""
TILT_TRUST: Curve = ((0.45, 0), (0.65, 1))
TILT_DOUBT = 0.03
"""How far a tilt found with this confidence is believed; each degree beyond 8 takes `TILT_DOUBT` off the confidence,
for the further a picture leans the likelier it is that a roof or a branch leans and not the camera."""
RESOLUTION: Curve = ((-4, 1), (-1, 0.75), (0, 0.5), (1, 0.3), (2, 0.16), (3, 0.07), (3.6, 0.02), (5, 0))
"""By the logarithm to base 2 of megapixels: 2 MP fills a screen, 8.7 MP print A4 at 300 dpi, a phone has 12 (3.6)."""
COMPRESSION: Curve = (
    (3, 1),
    (10, 0.85),
    (20, 0.65),
    (30, 0.5),
    (50, 0.3),
    (70, 0.15),
    (80, 0.08),
    (90, 0.03),
    (100, 0),
)
"""JPEG quality on libjpeg's scale: from 90 nobody sees it, at 50 skies show blocks."""
COMPOSITION: Curve = ((0, 1), (0.6, 0.5), (0.9, 0.1), (1, 0))
NIMA_TECHNICAL: Curve = ((2.5, 1), (4, 0.6), (5, 0.25), (5.8, 0.05), (7, 0))
"""The model's mean opinion of ordinary photographs is 5.1, of blurred ones 3.6 (measured on 22 photographs)."""
NIMA_AESTHETIC: Curve = ((3, 1), (4, 0.6), (5, 0.2), (5.6, 0.05), (7, 0))
"""Ordinary photographs lie between 3.6 and 5.7: it ranks, it does not condemn."""


def share(curve: Curve, value: float) -> float:
    """Where the value lies on the curve."""
    values, shares = zip(*curve, strict=True)
    return float(np.interp(value, values, shares))


def either(*shares: float) -> float:
    """Independent faults of one criterion together: never less than the worst, never more than 1."""
    return float(1 - np.prod([1 - part for part in shares]))
