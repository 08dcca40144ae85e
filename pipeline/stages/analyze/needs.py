"""With what a picture or a video is looked at, and what for want of it cannot be looked for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipeline.ports import Models, TextReader
from pipeline.stages.analyze import people, tags

NO_MODELS = "no models are set up: run `darkroom models pull`"


@dataclass(frozen=True, slots=True)
class Asked:
    """`critical` are the account's critical words, `known` names and vectors of its allow-list."""

    models: Models | None
    reader: TextReader
    critical: Collection[str] = ()
    known: Sequence[tuple[str, tuple[float, ...]]] = ()


def unavailable_to(asked: Asked, *, video: bool = False) -> dict[str, str]:
    """Reason by capability: people, age_and_gender, text, tags, and each single model that makes tags say less."""
    found: dict[str, str] = {}
    if asked.models is None:
        found |= dict.fromkeys(("people", "tags"), NO_MODELS)
    else:
        missing = tags.missing(asked.models, video=video)
        found |= people.missing(asked.models) | missing
        if tags.is_blind(asked.models, video=video):
            found["tags"] = "; ".join(dict.fromkeys(missing.values()))
    reason = asked.reader.unavailable()
    return found if reason is None else {**found, "text": reason}
