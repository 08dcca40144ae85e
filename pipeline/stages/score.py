"""The score stage: 0 to 100 points, explained line by line."""

from dataclasses import dataclass, replace

from pipeline.domain.jobs import Outcome
from pipeline.domain.media import Findings, MediaFacts
from pipeline.domain.quality import STANDARD_POINTS, Criterion, QualityScore
from pipeline.domain.workflows import Guidelines
from pipeline.stages.scoring.rules import judge_rule
from pipeline.stages.scoring.standard import Standard, standard_criteria

_ALL = 1000
"""A score is reckoned in whole tenths of a point, so that the lines add up exactly."""

HELD_EQUAL = frozenset({"resolution", "compression"})
"""Criteria about the file and not about the picture: `improves` leaves them out."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A criterion before its points are settled: `exact` tenths of a point lost, not yet whole."""

    criterion: Criterion
    exact: float


def score(findings: Findings, facts: MediaFacts, guidelines: Guidelines) -> QualityScore:
    """The picture's score, its criteria in order (standard first), and what could not be judged and why.

    The score and the points lost add up to exactly 100, in tenths. The points of a standard criterion that cannot be
    judged are shared out over the others in proportion. Where more than 100 points would be lost, all lines give way
    in proportion and the score is 0.
    """
    standard, unavailable = _standard_lines(findings, guidelines)
    rules, not_judged = _rule_lines(findings, facts, guidelines)
    lines = standard + rules
    tenths = _settled([line.exact for line in lines])
    return QualityScore(
        score=(_ALL - sum(tenths)) / 10,
        pass_mark=guidelines.pass_mark,
        criteria=tuple(
            replace(line.criterion, points_lost=lost / 10) for line, lost in zip(lines, tenths, strict=True)
        ),
        unavailable=unavailable | not_judged,
    )


def outcome_of(quality: QualityScore, *, kept_original: bool) -> Outcome:
    """Rejected when what is delivered does not pass; else approved as it came, or enhanced."""
    if not quality.passed:
        return Outcome.REJECTED
    return Outcome.APPROVED if kept_original else Outcome.ENHANCED


def improves(before: QualityScore, after: QualityScore) -> bool:
    """Whether the picture itself is better by at least a tenth of a point; enhance drops a rendition that is not.

    Both must come from the same guidelines and models. `resolution` and `compression` are held equal by leaving their
    lines out of both: a rendition is smaller and freshly encoded because its workflow says so, which is neither its
    merit nor its fault. Rules on size and proportions do count, for meeting them is what a crop is for: a required
    rule newly met is an improvement whatever else, a required rule newly broken never is.
    """
    unmet_before, unmet_after = ({criterion.name for criterion in judged.unmet} for judged in (before, after))
    if unmet_after - unmet_before:
        return False
    if unmet_before - unmet_after:
        return True
    return _lost_by_picture(after) < _lost_by_picture(before)


def _lost_by_picture(judged: QualityScore) -> int:
    return sum(round(criterion.points_lost * 10) for criterion in judged.criteria if criterion.name not in HELD_EQUAL)


def _standard_lines(findings: Findings, guidelines: Guidelines) -> tuple[list[_Line], dict[str, str]]:
    points = {name: float(guidelines.weights.get(name, default)) for name, default in STANDARD_POINTS.items()}
    wanted = [standard for standard in standard_criteria() if points[standard.name] > 0]
    judged = [standard for standard in wanted if standard.needs in findings.metrics]
    total, left = (sum(points[standard.name] for standard in group) for group in (wanted, judged))
    stretch = total / left if left > 0 else 1.0
    unavailable = {
        standard.name: _not_judged(standard, points[standard.name], findings)
        for standard in wanted
        if standard.needs not in findings.metrics
    }
    return [_standard_line(standard, points[standard.name] * stretch, findings) for standard in judged], unavailable


def _not_judged(standard: Standard, points: float, findings: Findings) -> str:
    reason = findings.unavailable.get(standard.needs, "it was not measured").rstrip(".")
    return f"{reason}; its {points:g} points are shared out over the other criteria"


def _standard_line(standard: Standard, points: float, findings: Findings) -> _Line:
    verdict = standard.judge(findings)
    criterion = Criterion(
        name=standard.name,
        value=round(verdict.value, 3),
        target=standard.target,
        weight=round(points / 100, 4),
        points_lost=0.0,
        sentence=verdict.sentence,
        unit=standard.unit,
        met=standard.meets(findings),
    )
    return _Line(criterion, exact=verdict.loss * points * 10)


def _rule_lines(findings: Findings, facts: MediaFacts, guidelines: Guidelines) -> tuple[list[_Line], dict[str, str]]:
    lines: list[_Line] = []
    not_judged: dict[str, str] = {}
    for rule in guidelines.rules:
        verdict = judge_rule(rule, findings, facts)
        if verdict is None:
            not_judged[rule.name] = findings.unavailable.get(rule.subject, f"{rule.subject} was not measured")
            continue
        criterion = Criterion(
            name=rule.name,
            value=verdict.value if isinstance(verdict.value, str) else round(verdict.value, 3),
            target=verdict.target,
            weight=round(rule.weight / 100, 4),
            points_lost=0.0,
            sentence=verdict.sentence,
            unit=verdict.unit,
            met=verdict.met,
            required=rule.required,
            origin="guideline",
        )
        lines.append(_Line(criterion, exact=verdict.loss * rule.weight * 10))
    return lines, not_judged


def _settled(exact: list[float]) -> list[int]:
    """Whole tenths; where they exceed all there is, scaled down by largest remainder to exactly that."""
    rounded = [round(tenths) for tenths in exact]
    total = sum(rounded)
    if total <= _ALL:
        return rounded
    scaled = [tenths * _ALL / total for tenths in rounded]
    whole = [int(tenths) for tenths in scaled]
    by_remainder = sorted(range(len(scaled)), key=lambda index: (whole[index] - scaled[index], index))
    for index in by_remainder[: _ALL - sum(whole)]:
        whole[index] += 1
    return whole
