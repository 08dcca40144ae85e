"""The analyze stage: what a picture is like, measured on its proxy."""

from pipeline.stages.analyze.analysis import analyze
from pipeline.stages.analyze.duplicates import find_duplicates

__all__ = ["analyze", "find_duplicates"]
