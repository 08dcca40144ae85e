"""The models that people are found with, and what to say where one is missing."""

from pipeline.errors import CapabilityUnavailable
from pipeline.ports import Models

DETECTION, EMBEDDING, ATTRIBUTES = "face_detection", "face_embedding", "face_attributes"

_NO_MODELS = "no models are configured: set DARKROOM_MODELS to a folder that holds them"
_FIELDS = {"people": (DETECTION, EMBEDDING), "age_and_gender": (ATTRIBUTES,)}


def missing(models: Models | None) -> dict[str, str]:
    """What cannot be looked for, with the reason in the models' own words: "people", "age_and_gender", or neither.

    Without "people" nothing here can be called. Without "age_and_gender" people are found, all of them of no stated
    age and of unidentified gender.
    """
    found: dict[str, str] = {}
    for field, names in _FIELDS.items():
        reasons = [_NO_MODELS] if models is None else [reason for name in names if (reason := models.unavailable(name))]
        if reasons:
            found[field] = "; ".join(reasons)
    return found


def require(models: Models) -> None:
    """People can be found with these models; raises `CapabilityUnavailable` with the reason where they cannot."""
    reason = missing(models).get("people")
    if reason is not None:
        raise CapabilityUnavailable(reason)
