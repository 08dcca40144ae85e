"""Models: which ones there are, where their weights lie, and how they are run."""

from pipeline.inference.catalog import CATALOG, ModelEntry
from pipeline.inference.registry import OnnxModels

__all__ = ["CATALOG", "ModelEntry", "OnnxModels"]
