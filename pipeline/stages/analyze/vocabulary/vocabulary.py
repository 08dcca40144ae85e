"""Labels of the models in a customer's words: a chihuahua is also a dog and an animal."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import yaml

from pipeline.domain.analysis import Label

Leaves = Mapping[str, Collection[str | Mapping[str, str]]]
NOTHING = "background"
"""The class that TensorFlow's ImageNet models have in front of the thousand: it says nothing."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`words`: what each label is called. `general`: for each word all more general ones, near and far."""

    words: Mapping[str, str]
    general: Mapping[str, frozenset[str]]

    def word(self, label: str) -> str:
        """The customer's word; a label that is not known here (an operator's own model) says its own first name."""
        # A line of ImageNet's labels holds all names of a synset; where two share the first, the whole line is known.
        first = label.split(",", maxsplit=1)[0].strip()
        return self.words.get(label) or self.words.get(first) or first.lower()

    def above(self, word: str) -> frozenset[str]:
        """Everything more general than this word; nothing for a word that is not known here."""
        return self.general.get(word, frozenset())

    def says(self, label: str) -> frozenset[str]:
        """The label's own word and everything more general."""
        word = self.word(label)
        return self.above(word) | {word}

    def sums(self, labels: Iterable[Label]) -> dict[str, float]:
        """Each word's score: the sum over all labels that say it, which exclude one another, as of one softmax.

        So a word never scores less than one that is below it. At most 1.0.
        """
        found: dict[str, float] = {}
        for label in labels:
            for word in () if label.name == NOTHING else self.says(label.name):
                found[word] = found.get(word, 0.0) + label.probability
        return {word: min(1.0, score) for word, score in found.items()}

    def highest(self, labels: Iterable[Label]) -> dict[str, float]:
        """Each word's score: the highest of all labels that say it. For labels that may be true together."""
        found: dict[str, float] = {}
        for label in labels:
            for word in () if label.name == NOTHING else self.says(label.name):
                found[word] = max(found.get(word, 0.0), label.probability)
        return found


def vocabulary_of(parents: Mapping[str, Collection[str]], leaves: Leaves) -> Vocabulary:
    """The vocabulary that these two tables say; raises `ValueError` that names the mistake in them."""
    unknown = {word for above in parents.values() for word in above if word not in parents}
    unknown |= {group for group in leaves if group and group not in parents}
    if unknown:
        raise ValueError(f"words that are not in words.yaml: {', '.join(sorted(unknown))}")
    general = {word: _all_above(word, parents, ()) for word in parents}
    words: dict[str, str] = {}
    for group, listed in leaves.items():
        for label, word in _pairs(listed):
            if words.setdefault(label, word) != word:
                raise ValueError(f"{label} is called both {words[label]} and {word}")
            more = frozenset({group}) | general[group] if group else frozenset()
            general[word] = (general.get(word, frozenset()) | more) - {word}
    return Vocabulary(MappingProxyType(words), MappingProxyType(general))


@cache
def classifier() -> Vocabulary:
    """The vocabulary of the 1000 classes of ImageNet."""
    return vocabulary_of(_parents(), _leaves("classifier.yaml"))


@cache
def detector() -> Vocabulary:
    """The vocabulary of the 80 classes of COCO."""
    return vocabulary_of(_parents(), _leaves("detector.yaml"))


def _pairs(listed: Collection[str | Mapping[str, str]]) -> Iterable[tuple[str, str]]:
    for entry in listed:
        if isinstance(entry, str):
            yield entry, entry.split(",")[0].lower()
        else:
            yield from entry.items()


def _all_above(word: str, parents: Mapping[str, Collection[str]], below: tuple[str, ...]) -> frozenset[str]:
    if word in below:
        raise ValueError(f"{word} is above itself: {' > '.join((*below, word))}")
    near = frozenset(parents[word])
    return near.union(*(_all_above(above, parents, (*below, word)) for above in near))


def _parents() -> dict[str, list[str]]:
    parents: dict[str, list[str]] = yaml.safe_load(_text("words.yaml"))
    return parents


def _leaves(name: str) -> dict[str, list[str | Mapping[str, str]]]:
    leaves: dict[str, list[str | Mapping[str, str]]] = yaml.safe_load(_text(name))
    return leaves


def _text(name: str) -> str:
    return (files("pipeline.stages.analyze.vocabulary") / name).read_text(encoding="utf-8")
