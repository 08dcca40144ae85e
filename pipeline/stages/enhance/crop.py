"""Crop: cuts a picture to a shape, around its subject."""

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.media import Box
from pipeline.stages.enhance.frame import Applied, Frame, Scene, left_alone
from pipeline.stages.enhance.geometry import Window, box_in, cut

NAME = "crop"


class Options(BaseModel):
    """The shape to cut to, and how much may be lost for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    aspect: str = Field(
        "4:3", pattern=r"^[1-9]\d{0,3}:[1-9]\d{0,3}$", description='Width to height, for example "4:3" or "1:1".'
    )
    turn_for_portrait: bool = Field(True, description="Upright pictures get the upright form: 3:4 instead of 4:3.")
    tolerance: float = Field(0.02, ge=0, le=0.5, description="Difference of shape that is left alone, 0.02 = 2 %.")
    largest_loss: float = Field(0.45, gt=0, lt=1, description="Share of the picture that may be cut off at the most.")


def apply(frame: Frame, scene: Scene, options: Options) -> Applied:
    """The frame in the wanted shape, with as much of the subject as fits; left alone where too much would be lost."""
    wanted = _ratio(options, upright=frame.height > frame.width)
    found = frame.width / frame.height
    if abs(found / wanted - 1) <= options.tolerance:
        return left_alone(frame, "the picture has the wanted shape")
    window = _window(frame, wanted)
    loss = 1 - window.width * window.height / (frame.width * frame.height)
    if loss > options.largest_loss:
        return left_alone(frame, f"{loss:.0%} of the picture would be lost")
    picture = cut(frame.picture(), window)
    subject = box_in(window, frame.subject, width=frame.width, height=frame.height)
    about = "around its subject" if frame.subject is not None else "around its centre"
    detail = f"The picture was cut to {window.width} x {window.height} pixels {about}."
    return Applied(Frame(picture, subject), detail)


def _ratio(options: Options, *, upright: bool) -> float:
    across, down = (int(part) for part in options.aspect.split(":"))
    landscape = across / down
    return 1 / landscape if options.turn_for_portrait and upright and landscape > 1 else landscape


def _window(frame: Frame, wanted: float) -> Window:
    """The largest window of that shape, moved as near to the subject's centre as the picture allows."""
    width = min(frame.width, max(1, round(frame.height * wanted)))
    height = min(frame.height, max(1, round(frame.width / wanted)))
    subject = frame.subject or Box(0, 0, 1, 1)
    left = round((subject.x + subject.width / 2) * frame.width - width / 2)
    top = round((subject.y + subject.height / 2) * frame.height - height / 2)
    return Window(min(max(left, 0), frame.width - width), min(max(top, 0), frame.height - height), width, height)
