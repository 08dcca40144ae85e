"""Stretches of a video that belong together, what they are, and their best frame."""

from pipeline.stages.analyze.sections.sections import sections

__all__ = ["sections"]
