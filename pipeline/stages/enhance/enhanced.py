"""What the enhance stage makes of one original."""

from dataclasses import dataclass

from pipeline.domain.media import Findings, MediaFacts
from pipeline.domain.quality import QualityScore


@dataclass(frozen=True, slots=True)
class EncodedRendition:
    """One finished file."""

    name: str
    data: bytes
    media_type: str
    width: int
    height: int
    sha256: str
    extension: str


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did, in one plain sentence."""

    name: str
    changed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Enhanced:
    """The finished files of one original, never scoring below it.

    `proxy` and `findings` describe the delivered picture before its finishing steps (resize, watermark), which are no
    matter of quality; `proxy` is None where the original was kept, whose own proxy shows it. `facts` are the original's
    with the size of the first rendition; `before` and `after` judge rules on size and shape by the size that the first
    output gives the original and the delivered picture. `kept_original` says that its pixels are the original's,
    upright, with nothing done to them but the finishing.
    """

    renditions: tuple[EncodedRendition, ...]
    proxy: bytes | None
    facts: MediaFacts
    findings: Findings
    before: QualityScore
    after: QualityScore
    kept_original: bool
    steps: tuple[StepReport, ...]
