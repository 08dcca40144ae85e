"""The enhance stage: a workflow's steps on the full picture, judged, and encoded as the workflow's outputs."""

from pipeline.stages.enhance.enhanced import EncodedRendition, Enhanced, StepReport
from pipeline.stages.enhance.line import enhance, pixels_needed
from pipeline.stages.enhance.registry import STEP_OPTIONS, STEPS

__all__ = ["STEPS", "STEP_OPTIONS", "EncodedRendition", "Enhanced", "StepReport", "enhance", "pixels_needed"]
