"""Which words an account wants to be warned of."""

from collections.abc import Collection

from pipeline.stages.analyze.vocabulary import classifier, detector


def is_critical(word: str, critical: Collection[str]) -> bool:
    """Whether the word or anything more general is on the account's list, in whatever case: `weapon` finds a rifle."""
    listed = {entry.strip().casefold() for entry in critical}
    said = {word} | classifier().above(word) | detector().above(word)
    return not listed.isdisjoint(name.casefold() for name in said)
