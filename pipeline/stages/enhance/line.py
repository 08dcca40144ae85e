"""One original through the steps, the judgement and the encoders."""

import hashlib
from dataclasses import dataclass, replace

from pipeline.domain.media import Findings, MediaFacts, MediaLimits
from pipeline.domain.quality import QualityScore
from pipeline.domain.workflows import OutputSpec, Workflow
from pipeline.media.encode import EXTENSIONS, MEDIA_TYPES, encode, fitted, fitted_size
from pipeline.media.image import Picture, decode
from pipeline.media.metadata_write import Metadata, metadata_for
from pipeline.ports import Models
from pipeline.stages.analyze import analyze
from pipeline.stages.enhance import orient
from pipeline.stages.enhance.enhanced import EncodedRendition, Enhanced, StepReport
from pipeline.stages.enhance.frame import Frame, Scene
from pipeline.stages.enhance.proxy import proxy_of
from pipeline.stages.enhance.registry import chosen
from pipeline.stages.score import improves, score
from pipeline.stages.validate import decode_proxy


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A picture that could be delivered, and how good it is."""

    frame: Frame
    facts: MediaFacts
    """With the size of the first output."""
    proxy: bytes | None
    findings: Findings
    score: QualityScore


def enhance(
    data: bytes,
    facts: MediaFacts,
    findings: Findings,
    workflow: Workflow,
    *,
    limits: MediaLimits,
    models: Models | None,
) -> Enhanced:
    """The original's finished files; its own pixels where no step could make it better.

    `findings` are those of the original. Raises a `MediaError` when the original cannot be decoded.
    """
    decoded = decode(data, limits)
    scene = Scene(facts, findings, models, limits)
    deliverable = _delivered_facts(facts, workflow)
    before = score(findings, deliverable, workflow.guidelines)
    original = Frame(decoded.picture, findings.subject)
    frame, reports = _run(workflow, original, scene, finishing=False)
    candidate = None if frame is original else _judged(frame, scene, workflow)
    if candidate is not None and not _is_better(before, candidate.score):
        reports = tuple(_dropped(report, before, candidate.score) for report in reports)
        candidate = None
    delivered = candidate or _Candidate(original, deliverable, None, findings, before)
    finished, finishing = _run(workflow, delivered.frame, scene, finishing=True)
    metadata = metadata_for(facts, workflow.metadata, decoded.metadata)
    return Enhanced(
        renditions=tuple(_encoded(finished.picture(), spec, metadata) for spec in workflow.outputs),
        proxy=delivered.proxy,
        facts=delivered.facts,
        findings=delivered.findings,
        before=before,
        after=delivered.score,
        kept_original=candidate is None,
        steps=reports + finishing,
    )


def pixels_needed(facts: MediaFacts, workflow: Workflow, limits: MediaLimits) -> int:
    """Pixels of the largest picture on the original's way through the steps: padding makes a thin one large."""
    needed = facts.width * facts.height
    for step, options in chosen(workflow.steps, finishing=False):
        width, height = step.size_after(facts.width, facts.height, options)
        needed = max(needed, min(width * height, limits.max_pixels))
    return needed


def _run(workflow: Workflow, frame: Frame, scene: Scene, *, finishing: bool) -> tuple[Frame, tuple[StepReport, ...]]:
    reports: list[StepReport] = []
    for step, options in chosen(workflow.steps, finishing=finishing):
        applied = step.run(frame, scene, options)
        frame = applied.frame
        reports.append(StepReport(step.name, applied.changed, applied.detail))
    return frame, tuple(reports)


def _judged(frame: Frame, scene: Scene, workflow: Workflow) -> _Candidate:
    """The frame, drawn once and for all, and its score by the workflow's guidelines."""
    frame = frame.developed()
    proxy = proxy_of(frame.picture())
    facts = replace(scene.facts, width=frame.width, height=frame.height)
    findings = analyze(decode_proxy(proxy), facts, scene.models)
    deliverable = _delivered_facts(facts, workflow)
    return _Candidate(frame, deliverable, proxy, findings, score(findings, deliverable, workflow.guidelines))


def _delivered_facts(facts: MediaFacts, workflow: Workflow) -> MediaFacts:
    """The facts with the size that the first output will have: rules on size are about the file that is delivered.

    The original is judged at this size too, so that being reduced is neither a picture's merit nor its fault.
    """
    width, height = facts.width, facts.height
    for step, options in chosen(workflow.steps, finishing=True):
        width, height = step.size_after(width, height, options)
    width, height = fitted_size(width, height, workflow.outputs[0])
    return replace(facts, width=width, height=height)


def _is_better(before: QualityScore, after: QualityScore) -> bool:
    """Better as a picture, and never paid for with the score unless a required guideline is newly met."""
    newly_met = len(after.unmet) < len(before.unmet)
    return improves(before, after) and (after.score >= before.score or newly_met)


def _dropped(report: StepReport, before: QualityScore, after: QualityScore) -> StepReport:
    if not report.changed or report.name == orient.NAME:
        return report
    reason = f"the enhanced picture scored {after.score:.1f} and the original {before.score:.1f}"
    return StepReport(report.name, False, f"Dropped: {reason}, so the original was kept.")


def _encoded(picture: Picture, spec: OutputSpec, metadata: Metadata) -> EncodedRendition:
    sized = fitted(picture, spec)
    data = encode(sized, spec, metadata)
    return EncodedRendition(
        name=spec.name,
        data=data,
        media_type=MEDIA_TYPES[spec.format],
        width=sized.width,
        height=sized.height,
        sha256=hashlib.sha256(data).hexdigest(),
        extension=EXTENSIONS[spec.format],
    )
