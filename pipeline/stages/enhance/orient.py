"""Orientation: pixels are upright from decoding on; this step says what was turned."""

from pydantic import BaseModel, ConfigDict

from pipeline.stages.enhance.frame import Applied, Frame, Scene, left_alone

NAME = "orient"

_TURNS: dict[int, str] = {
    2: "mirrored left to right",
    3: "turned by 180 degrees",
    4: "mirrored top to bottom",
    5: "turned by 90 degrees counter-clockwise and mirrored top to bottom",
    6: "turned by 90 degrees clockwise",
    7: "turned by 90 degrees clockwise and mirrored top to bottom",
    8: "turned by 90 degrees counter-clockwise",
}
"""What each EXIF orientation asks of a viewer (EXIF 2.32, tag 274)."""


class Options(BaseModel):
    """Orientation has nothing to choose."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def apply(frame: Frame, scene: Scene, options: Options) -> Applied:
    """The same frame: it is upright. Says how the stored picture had to be turned for that."""
    turn = _TURNS.get(scene.facts.orientation)
    if turn is None:
        return left_alone(frame, "the picture was stored upright")
    return Applied(frame, f"The picture was {turn}, as its camera had noted.")
