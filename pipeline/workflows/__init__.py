"""Workflows: YAML files that say how pictures are enhanced, what is delivered, and how they are judged."""

from pipeline.workflows.catalog import WorkflowCatalog, builtin_workflows
from pipeline.workflows.check import parse_guidelines, parse_workflow
from pipeline.workflows.snapshot import workflow_from_json, workflow_json

__all__ = [
    "WorkflowCatalog",
    "builtin_workflows",
    "parse_guidelines",
    "parse_workflow",
    "workflow_from_json",
    "workflow_json",
]
