"""A customer's own rules: whether a picture meets each, and what it costs if not."""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.domain.media import Findings, MediaFacts
from pipeline.domain.quality import METRICS
from pipeline.domain.workflows import Rule

_RATIO_TOLERANCE = 0.02
"""Sides are whole pixels and cameras round: 4:3 comes as 4032 x 3024 and as 2832 x 2128."""
_WHITE_SHARE = 0.95
_PLAIN_SPREAD = 12.0
_ALL_LOST_AT = 0.5
"""Half of a rule's points go as soon as it is not met, the rest in proportion, all when half its limit away."""


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """What a rule makes of one picture; `loss` 0..1 is the share of its points that the picture loses."""

    value: float | str
    target: str
    unit: str
    loss: float
    sentence: str

    @property
    def met(self) -> bool:
        return self.loss == 0


def judge_rule(rule: Rule, findings: Findings, facts: MediaFacts) -> RuleVerdict | None:
    """The rule's verdict; None where its metric could not be measured."""
    special = _BY_SUBJECT.get(rule.subject)
    if special is not None and rule.one_of:
        return special(rule, findings, facts)
    value = _value_of(rule.subject, findings, facts)
    if value is None:
        return None
    loss = _distance(rule, value)
    unit = _unit_of(rule.subject)
    target = _range_words(rule, unit)
    words = f"{rule.subject.replace('_', ' ').capitalize()} is {_number(value)}{_spaced(unit)}"
    return RuleVerdict(value, target, unit, loss, _sentence(rule, loss, f"{words}, the guideline asks for {target}."))


def _value_of(subject: str, findings: Findings, facts: MediaFacts) -> float | None:
    sides = {"width": facts.width, "height": facts.height}
    sides |= {"long_side": max(facts.width, facts.height), "short_side": min(facts.width, facts.height)}
    if subject in sides:
        return float(sides[subject])
    if subject == "megapixels":
        return facts.megapixels
    if subject == "aspect_ratio":
        return facts.width / facts.height
    return findings.metrics.get(subject)


def _distance(rule: Rule, value: float) -> float:
    below = rule.minimum - value if rule.minimum is not None else 0.0
    above = value - rule.maximum if rule.maximum is not None else 0.0
    if below <= 0 and above <= 0:
        return 0.0
    limit, away = (rule.minimum, below) if below > above else (rule.maximum, above)
    relative = away / max(abs(limit or 0.0), 1e-9)
    return min(1.0, 0.5 + 0.5 * relative / _ALL_LOST_AT)


def _aspect_ratio(rule: Rule, findings: Findings, facts: MediaFacts) -> RuleVerdict:
    ratio = facts.width / facts.height
    away = min(abs(ratio / ratio_of(wanted) - 1) for wanted in rule.one_of)
    loss = 0.0 if away <= _RATIO_TOLERANCE else min(1.0, 0.5 + 0.5 * away / _ALL_LOST_AT)
    target = " or ".join(rule.one_of)
    words = f"The picture measures {facts.width} x {facts.height} ({ratio:.2f}:1), the guideline asks for {target}."
    return RuleVerdict(round(ratio, 3), target, "", loss, _sentence(rule, loss, words))


def _background(rule: Rule, findings: Findings, facts: MediaFacts) -> RuleVerdict:
    white, spread = findings.metrics["background_white"], findings.metrics["background_spread"]
    losses = {"white": max(0.0, 1 - white / _WHITE_SHARE), "plain": min(1.0, max(0.0, spread / _PLAIN_SPREAD - 1))}
    least = min(losses[wanted] for wanted in rule.one_of)
    loss = 0.0 if least == 0 else 0.5 + 0.5 * least
    target = " or ".join(rule.one_of)
    words = f"The background is {white:.0%} white (spread {spread:.0f}), the guideline asks for {target}."
    return RuleVerdict(round(white, 3), target, "white", loss, _sentence(rule, loss, words))


_BY_SUBJECT: dict[str, Callable[[Rule, Findings, MediaFacts], RuleVerdict]] = {
    "aspect_ratio": _aspect_ratio,
    "background": _background,
}


def ratio_of(text: str) -> float:
    """Width over height of a ratio such as "4:3"."""
    width, _, height = text.partition(":")
    return float(width) / float(height)


def _sentence(rule: Rule, loss: float, words: str) -> str:
    return rule.message if rule.message and loss > 0 else words


def _range_words(rule: Rule, unit: str) -> str:
    minimum, maximum = (None if end is None else _number(end) for end in (rule.minimum, rule.maximum))
    if minimum is not None and maximum is not None:
        return f"{minimum} to {maximum}{_spaced(unit)}"
    if minimum is not None:
        return f"at least {minimum}{_spaced(unit)}"
    return f"at most {maximum}{_spaced(unit)}"


def _unit_of(subject: str) -> str:
    if subject in METRICS:
        return "" if METRICS[subject].unit == "share" else METRICS[subject].unit
    return {"aspect_ratio": "", "background": "", "megapixels": "MP"}.get(subject, "px")


def _spaced(unit: str) -> str:
    return f" {unit}" if unit else ""


def _number(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}"
