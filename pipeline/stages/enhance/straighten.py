"""Straighten: turns a picture that leans upright again and cuts off the empty corners."""

from pydantic import BaseModel, ConfigDict, Field

from pipeline.stages.enhance.frame import Applied, Frame, Scene, left_alone
from pipeline.stages.enhance.geometry import box_in, inscribed, turned

NAME = "straighten"


class Options(BaseModel):
    """Which leaning is put right: too little is not seen, and too much is meant so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    smallest: float = Field(0.5, ge=0.1, le=5, description="Degrees below which a leaning is not seen.")
    largest: float = Field(7, ge=0.5, le=20, description="Degrees above which a leaning is taken for intended.")
    confidence: float = Field(0.6, ge=0, le=1, description="How sure the analysis must be of the leaning, 0 to 1.")


def apply(frame: Frame, scene: Scene, options: Options) -> Applied:
    """The frame turned back by the tilt that was found, a little smaller and of the same shape."""
    tilt, confidence = scene.findings.tilt_degrees, scene.findings.tilt_confidence
    if confidence < options.confidence:
        return left_alone(frame, "there is no clear horizon or vertical line to go by")
    if abs(tilt) < options.smallest:
        return left_alone(frame, f"a tilt of {abs(tilt):.1f} degrees is not seen")
    if abs(tilt) > options.largest:
        return left_alone(frame, f"a tilt of {abs(tilt):.1f} degrees looks intended")
    window = inscribed(frame.width, frame.height, tilt)
    if min(window.width, window.height) < 16:
        return left_alone(frame, "too little of the picture would remain")
    # Clockwise leaning is positive, and OpenCV turns counter-clockwise: the same number puts it right.
    picture, window = turned(frame.picture(), tilt)
    subject = box_in(window, frame.subject, width=frame.width, height=frame.height)
    way = "clockwise" if tilt < 0 else "counter-clockwise"
    return Applied(Frame(picture, subject), f"The picture was turned {way} by {abs(tilt):.1f} degrees.")
