"""What a workflow file may say: the fields, their types and their ranges."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Line = Annotated[str, Field(min_length=1, max_length=500)]
Points = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Limit = Annotated[float, Field(allow_inf_nan=False)]
Side = Annotated[int, Field(ge=1, le=65_500)]
Ratio = r"^[1-9]\d{0,3}:[1-9]\d{0,3}$"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class OutputSection(_Section):
    """One file to deliver for each picture."""

    name: Name = "main"
    format: Literal["jpeg", "png", "tiff", "webp", "avif"] = "jpeg"
    quality: int = Field(90, ge=1, le=100)
    max_width: Side | None = None
    max_height: Side | None = None


class MetadataSection(_Section):
    """What a delivered file says of its author; the position only where asked for."""

    keep: list[str] = ["copyright", "creator"]
    gps: bool = False


class RuleSection(_Section):
    """One guideline of the customer's own."""

    name: Name
    subject: str
    minimum: Limit | None = None
    maximum: Limit | None = None
    one_of: list[str] = []
    required: bool = False
    weight: Points = 10.0
    message: Line | None = None


class GuidelinesSection(_Section):
    """By what pictures are judged."""

    version: int = Field(1, ge=1)
    pass_mark: float = Field(60.0, ge=0, le=100, allow_inf_nan=False)
    weights: dict[str, Points] = {}
    rules: Annotated[list[RuleSection], Field(max_length=50)] = []


class WorkflowFile(_Section):
    """A whole workflow file. Steps and the place of the guidelines are looked at more closely in `check`."""

    slug: Slug
    title: Line
    version: int = Field(1, ge=1)
    description: Annotated[str, Field(max_length=2000)] = ""
    steps: list[Any] = []
    outputs: Annotated[list[OutputSection], Field(min_length=1, max_length=10)] = [OutputSection()]
    metadata: MetadataSection = MetadataSection()
    guidelines: GuidelinesSection = GuidelinesSection()
    delivery: Literal["public", "private"] = "public"
