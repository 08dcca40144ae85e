"""Which language a text is in: its script first, then py3langid among the languages written in that script."""

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from pipeline.domain.analysis import TextResult

_SCRIPTS = {
    "LATIN": "Latin",
    "CJK": "Han",
    "HIRAGANA": "Kana",
    "KATAKANA": "Kana",
    "KATAKANA-HIRAGANA": "Kana",
    "HANGUL": "Hangul",
    "CYRILLIC": "Cyrillic",
    "GREEK": "Greek",
    "ARABIC": "Arabic",
    "HEBREW": "Hebrew",
    "DEVANAGARI": "Devanagari",
    "THAI": "Thai",
    "GEORGIAN": "Georgian",
    "ARMENIAN": "Armenian",
}
"""The first word of a letter's Unicode name, and the script it stands for."""
_LANGUAGES = {
    "Latin": frozenset(
        {"ca", "cs", "da", "de", "en", "es", "et", "fi", "fr", "hr", "hu", "id", "it"}
        | {"lt", "lv", "nl", "no", "pl", "pt", "ro", "sk", "sl", "sv", "tr", "vi"}
    ),
    "Cyrillic": frozenset({"be", "bg", "mk", "ru", "sr", "uk"}),
    "Arabic": frozenset({"ar", "fa", "ur"}),
    "Devanagari": frozenset({"hi", "mr", "ne"}),
}
"""Of the scripts that several languages share; each rarer one would take short words from its neighbours."""
_ONE_LANGUAGE = {
    "Kana": "ja",
    "Hangul": "ko",
    "Han": "zh",
    "Greek": "el",
    "Hebrew": "he",
    "Thai": "th",
    "Georgian": "ka",
    "Armenian": "hy",
}
_OF_SIGNS, _LETTERS_OF_A_SIGN = frozenset({"Han", "Kana", "Hangul"}), 3
"""Scripts whose signs are syllables or words, and for how many letters such a sign stands."""
_LEAST_LETTERS = 5
"""Of an alphabet. One word of four letters is in several languages more often than in one."""
_LEAST_SURE = 0.55
"""Share of the likelihood among the languages of the script. Below it a guess is wrong nearly as often as right: of 42
short notices in ten languages 35 lie above, one of them wrong; of the seven below, four would be."""
_NOT_WORDS = re.compile(r"\S*\d\S*|\S*@\S*|(?:https?:|www\.)\S*", re.IGNORECASE)
"""Numbers, dates, codes and addresses are in no language."""

_identifiers: list[Any] = []
_lock = threading.Lock()


def language_of(text: str) -> str | None:
    """The text's language as ISO 639-1 code; None where it is too short or too much like several to tell.

    Chinese characters alone are taken as Chinese; beside a single kana they are Japanese.
    """
    words = _NOT_WORDS.sub(" ", text)
    script = script_of(words)
    if script is None:
        return None
    if script in _ONE_LANGUAGE:
        return _ONE_LANGUAGE[script]
    if sum(letter.isalpha() for letter in words) < _LEAST_LETTERS:
        return None
    return _likeliest(" ".join(words.split()), _LANGUAGES[script])


def in_context(texts: Sequence[TextResult]) -> tuple[TextResult, ...]:
    """The texts; those in Chinese characters alone are Japanese where another one is."""
    is_japanese = any(text.language == "ja" for text in texts)
    return tuple(replace(text, language="ja") if is_japanese and text.language == "zh" else text for text in texts)


def script_of(text: str) -> str | None:
    """The script that tells most: Kana and Hangul over Han, any over Latin where it has a third; None without letters.

    Japanese and Korean mix with Chinese characters, and all with Latin names.
    """
    counts: Counter[str] = Counter()
    for letter in text:
        if (script := _script(letter)) is not None:
            counts[script] += _LETTERS_OF_A_SIGN if script in _OF_SIGNS else 1
    for telling in ("Kana", "Hangul"):
        if counts[telling] and counts[telling] * 5 >= max(counts.total() - counts["Latin"], counts["Latin"]):
            return telling
    others = {script: count for script, count in counts.items() if script != "Latin"}
    if others and max(others.values()) * 3 >= counts.total():
        return max(others, key=lambda script: others[script])
    return max(counts, key=lambda script: counts[script]) if counts else None


def _script(letter: str) -> str | None:
    if not letter.isalpha():
        return None
    words = unicodedata.name(letter, "").split()
    if words[:1] in (["FULLWIDTH"], ["HALFWIDTH"]):
        words = words[1:]
    return _SCRIPTS.get(words[0]) if words else None


def _likeliest(words: str, languages: Collection[str]) -> str | None:
    likelihoods = {language: share for language, share in _identifier().rank(words.lower()) if language in languages}
    best = max(likelihoods, key=lambda language: likelihoods[language])
    total = sum(likelihoods.values())
    return best if total > 0 and likelihoods[best] >= _LEAST_SURE * total else None


def _identifier() -> Any:
    """The process's one identifier, which only reads its model once it is there."""
    with _lock:
        if not _identifiers:
            # 121 MB, which a process that reads no text does not need.
            from py3langid.langid import MODEL_FILE, LanguageIdentifier

            _identifiers.append(LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True))
        return _identifiers[0]
