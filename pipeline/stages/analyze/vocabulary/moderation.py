"""What the labels of moderation models are called, and which of them are harmless."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml


@dataclass(frozen=True, slots=True)
class Moderation:
    """`flags`: word -> the labels whose scores add up to it. `harmless`: labels that are nothing to tell of."""

    flags: Mapping[str, tuple[str, ...]]
    harmless: frozenset[str]

    def of(self, scores: Mapping[str, float]) -> dict[str, float]:
        """The flag's score by word. A label that no list names, of an operator's own model, is a flag of its own."""
        named = {label for labels in self.flags.values() for label in labels}
        own = {label.lower(): score for label, score in scores.items() if label not in named}
        found = {word: score for word, score in own.items() if word not in self.harmless}
        for word, labels in self.flags.items():
            if any(label in scores for label in labels):
                found[word] = min(1.0, sum(scores.get(label, 0.0) for label in labels))
        return found


@cache
def moderation() -> Moderation:
    """The lists in moderation.yaml."""
    text = (files("pipeline.stages.analyze.vocabulary") / "moderation.yaml").read_text(encoding="utf-8")
    lists = yaml.safe_load(text)
    return Moderation(
        flags={word: tuple(labels) for word, labels in lists["flags"].items()},
        harmless=frozenset(label.lower() for label in lists["harmless"]),
    )
