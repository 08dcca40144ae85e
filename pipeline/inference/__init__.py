"""Models: which ones there are, where their weights lie, and how they are run."""

from pipeline.inference.catalog import Catalog, builtin_catalog, read_catalog
from pipeline.inference.entries import ModelEntry
from pipeline.inference.registry import OnnxModels

__all__ = ["Catalog", "ModelEntry", "OnnxModels", "builtin_catalog", "read_catalog"]
