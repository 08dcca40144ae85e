"""A workflow: which steps enhance a picture, what is delivered, and by which guidelines it is judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class StepChoice:
    """One enhancement step by name (see `pipeline.stages.enhance.STEPS`) with its options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One rendition to deliver. Sizes are upper bounds: a picture is never blown up by an output."""

    name: str
    format: Literal["jpeg", "png", "tiff", "webp", "avif"] = "jpeg"
    quality: int = 90
    max_width: int | None = None
    max_height: int | None = None


@dataclass(frozen=True, slots=True)
class MetadataPolicy:
    """What a delivered file carries. GPS is kept only where `gps` says so on purpose."""

    keep: tuple[str, ...] = ("copyright", "creator")
    gps: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One of the customer's own guidelines: a metric or a fact, and the range it must lie in."""

    name: str
    subject: str
    """A metric's name, or a fact: width, height, megapixels, aspect_ratio, background, subject_fill, ..."""
    minimum: float | None = None
    maximum: float | None = None
    one_of: tuple[str, ...] = ()
    required: bool = False
    """Not met: rejected, whatever the score."""
    weight: float = 10.0
    """How many of the 100 points are lost at the worst when the rule is not met; half of them at once."""
    message: str | None = None
    """Said instead of the standard sentence when the rule is not met."""


@dataclass(frozen=True, slots=True)
class Guidelines:
    version: int = 1
    pass_mark: float = 60.0
    weights: Mapping[str, float] = field(default_factory=dict)
    """Points of the 100 that a standard criterion can cost, 0 switches one off; one that is not named keeps its
    default (`pipeline.domain.quality.STANDARD_POINTS`)."""
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Workflow:
    slug: str
    title: str
    version: int
    description: str
    steps: tuple[StepChoice, ...]
    outputs: tuple[OutputSpec, ...]
    metadata: MetadataPolicy = MetadataPolicy()
    guidelines: Guidelines = Guidelines()
    delivery: Literal["public", "private"] = "public"
