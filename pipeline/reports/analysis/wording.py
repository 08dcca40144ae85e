"""People, tags and videos in words that a person would use."""

from pipeline.domain.analysis import Gender, Person, Tag, VideoFacts
from pipeline.reports.words import label, printable, size

_GENDERS = {Gender.MALE: "male", Gender.FEMALE: "female", Gender.UNIDENTIFIED: ""}


def person_name(person_id: int) -> str:
    """Counted from 1."""
    return f"Person {person_id + 1}"


def described(person: Person) -> str:
    """`female, about 34`: what the models said; empty where they said nothing."""
    age = "" if person.age is None else f"about {person.age:.0f}"
    listed = "on the allow-list" if person.allowlisted else ""
    return ", ".join(filter(None, (_GENDERS[person.gender], age, listed)))


def percent(value: float) -> str:
    """A probability or share as a whole number of per cent."""
    return f"{100 * value:.0f}\N{NO-BREAK SPACE}%"


def tag_words(tag: Tag) -> str:
    return label(tag.name)


def video_words(facts: VideoFacts) -> str:
    """Size, codec, rate, sound and bytes of the original, in one line."""
    rate = "" if facts.frame_rate is None else f"{facts.frame_rate:.3g} frames a second"
    sound = "with sound" if facts.has_audio else "without sound"
    shape = f"{facts.width} \N{MULTIPLICATION SIGN} {facts.height}"
    return ", ".join(filter(None, (shape, printable(facts.codec).upper(), rate, sound, size(facts.bytes))))
