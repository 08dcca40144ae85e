"""From lines with their times to a video's texts: clocks are one text, and lines that come and go together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.domain.analysis import Span, TextResult
from pipeline.stages.analyze.text.languages import in_context
from pipeline.stages.analyze.text.lines import Line, belong_together, text_of
from pipeline.stages.analyze.text.tracks import Track

_TOGETHER_S = 0.4
"""Seconds between the comings, or the goings, of lines of one text: fades, and two samples."""
_TICK_S = 3.5
"""How long each number of something that counts may stand: longer ones are pages, scores and prices of their own."""
_TICKS = 3
"""Numbers that must have followed one another so."""


@dataclass(frozen=True, slots=True)
class _Text:
    rows: tuple[Line, ...]
    start_s: float
    end_s: float


def texts_of(tracks: Sequence[Track], width: int, height: int) -> tuple[TextResult, ...]:
    """One result for each text, by the time it came; `width` and `height` are those of the planes."""
    texts: list[_Text] = []
    ordered = sorted(_without_ticks(tracks), key=lambda text: (round(text.start_s, 1), text.rows[0].top))
    for text in ordered:
        partner = next((other for other in texts if _is_continued(other, text)), None)
        if partner is None:
            texts.append(text)
        else:
            texts[texts.index(partner)] = _merged(partner, text)
    return in_context(
        [
            replace(text_of(text.rows, width, height), span=Span(text.start_s, text.end_s))
            for text in sorted(texts, key=lambda text: (text.start_s, text.rows[0].top))
        ]
    )


def _without_ticks(tracks: Sequence[Track]) -> list[_Text]:
    """The tracks as texts; a chain of numbers that follow one another quickly is one, with the number it began with."""
    followers = {id(track.counts_on): track for track in tracks if track.counts_on is not None}
    kept = {id(track) for track in tracks}
    texts: list[_Text] = []
    for track in tracks:
        if track.counts_on is not None and id(track.counts_on) in kept:
            continue
        chain = [track]
        while (follower := followers.get(id(chain[-1]))) is not None:
            chain.append(follower)
        texts += _ticked(chain)
    return texts


def _ticked(chain: Sequence[Track]) -> list[_Text]:
    texts: list[_Text] = []
    ticks: list[Track] = []
    for track in [*chain, None]:
        if track is not None and _end(track) - track.start_s <= _TICK_S:
            ticks.append(track)
            continue
        if len(ticks) >= _TICKS:
            texts.append(_Text((_row(ticks[0]),), ticks[0].start_s, _end(ticks[-1])))
        else:
            texts += [_text(tick) for tick in ticks]
        ticks = []
        if track is not None:
            texts.append(_text(track))
    return texts


def _text(track: Track) -> _Text:
    return _Text((_row(track),), track.start_s, _end(track))


def _row(track: Track) -> Line:
    return replace(track.line, text=track.text)


def _end(track: Track) -> float:
    return track.last_s if track.gone_s is None else track.gone_s


def _is_continued(text: _Text, other: _Text) -> bool:
    return (
        abs(text.start_s - other.start_s) <= _TOGETHER_S
        and abs(text.end_s - other.end_s) <= _TOGETHER_S
        and belong_together(text.rows[-1], other.rows[0])
    )


def _merged(text: _Text, other: _Text) -> _Text:
    return _Text((*text.rows, *other.rows), min(text.start_s, other.start_s), max(text.end_s, other.end_s))
