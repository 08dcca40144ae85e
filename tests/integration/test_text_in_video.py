"""Captions drawn over real clips, encoded, decoded and read: each is one result with the time in which it stood."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.domain.analysis import TextResult
from pipeline.domain.media import VideoLimits
from pipeline.inference.text_reading import RapidReader
from pipeline.media.video import opened, watch
from pipeline.stages.analyze.text import TextWatcher
from pipeline.stages.analyze.text.likeness import likeness

RATE, SIZE = 25, (1280, 720)
STEADY_S = 0.25
"""Tolerance for what stands still: two samples and a frame."""
MOVING_S = 1.0
"""For what moves through the picture, is typed, has letters of 2 % of the picture's height, or counts on: over a moving
background another digit is noticed at the next reading."""


@dataclass(frozen=True, slots=True)
class Caption:
    text: str
    start_s: float
    end_s: float
    left: int
    top: int
    rows: int
    across: int = 0
    """Pixels a second that it moves to the right."""
    up: int = 0
    typed: int = 0
    """Letters a second; 0 for all at once."""

    def draw(self, draw: ImageDraw.ImageDraw, time_s: float) -> None:
        if not self.start_s <= time_s < self.end_s:
            return
        stood_s = time_s - self.start_s
        text = self.text[: 1 + int(stood_s * self.typed)] if self.typed else self.text
        place = (self.left + self.across * stood_s, self.top - self.up * stood_s)
        font = ImageFont.load_default(size=self.rows)
        draw.text(place, text, fill="white", font=font, stroke_width=max(1, self.rows // 16), stroke_fill="black")


CAPTIONS = (
    Caption("Breaking news from the harbour", 2.0, 6.0, 120, 600, 44),
    Caption("Anna Lindqvist", 3.0, 8.0, 80, 80, 36),
    Caption("Marine biologist", 3.0, 8.0, 80, 124, 28),
    Caption("the smallest print of all", 4.4, 9.0, 900, 40, 16),
    Caption("Chapter 1", 9.5, 12.0, 500, 300, 60),
    Caption("Chapter 2", 12.0, 14.5, 500, 300, 60),
    Caption("We are moving along", 15.0, 19.0, 100, 400, 40, across=100),
    Caption("Typed letter by letter", 15.5, 19.5, 300, 640, 40, typed=10),
)
NAMES = ("Directed by", "Maria Oliveira", "Photography", "Jonas Becker", "Music", "The Harbour Quartet")
CREDITS = tuple(Caption(name, 1.2 * at, 99.0, 440, 720, 40, up=90) for at, name in enumerate(NAMES))


def pictures(clip: Path | None) -> Iterator[Image.Image]:
    """The clip's pictures, again and again; a grey wall without one."""
    while clip is None:
        yield Image.new("RGB", SIZE, (60, 70, 90))
    while True:
        with av.open(str(clip)) as container:
            for picture in container.decode(video=0):
                yield picture.to_image(width=SIZE[0], height=SIZE[1])


def rendered(path: Path, captions: Sequence[Caption], seconds: float, clip: Path | None = None) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "24"}
        for index, picture in zip(range(round(seconds * RATE)), pictures(clip), strict=False):
            for caption in captions:
                caption.draw(ImageDraw.Draw(picture), index / RATE)
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return path


def read(path: Path) -> tuple[tuple[TextResult, ...], int]:
    with path.open("rb") as file, opened(file, VideoLimits()) as video:
        watcher = TextWatcher(RapidReader())
        watch(video, [watcher])
        return watcher.texts(video.end_s), watcher.readings


def only(texts: Sequence[TextResult], wanted: str) -> TextResult:
    """The one result with this text."""
    found = [text for text in texts if any(likeness(line, wanted) >= 0.9 for line in text.text.split("\n"))]
    assert len(found) == 1, f"{wanted!r} is in {len(found)} results of {[text.text for text in texts]}"
    return found[0]


def assert_stands(text: TextResult, start_s: float, end_s: float, within_s: float) -> None:
    assert text.span is not None
    assert (text.span.start_s, text.span.end_s) == pytest.approx((start_s, end_s), abs=within_s), text.text


@pytest.mark.parametrize("name", ["bbb_small_1080p30.mp4", "intel_one-by-one-person-detection.mp4"])
def test_each_caption_over_a_clip_is_one_result_with_its_time(shared: Path, tmp_path: Path, name: str) -> None:
    path = rendered(tmp_path / "captions.mp4", CAPTIONS, 20.0, shared / "media" / "video" / name)
    texts, readings = read(path)
    for caption in CAPTIONS:
        is_steady = not caption.across and not caption.typed and caption.rows > 20 and caption.text[-1].isalpha()
        within_s = STEADY_S if is_steady else MOVING_S
        assert_stands(only(texts, caption.text), caption.start_s, caption.end_s, within_s)
    assert only(texts, "Anna Lindqvist").text == "Anna Lindqvist\nMarine biologist"
    assert only(texts, "Breaking news from the harbour").language == "en"
    assert len(texts) == len(CAPTIONS) - 1
    assert readings <= 30


def test_credits_that_roll_are_one_result_each(tmp_path: Path) -> None:
    texts, _ = read(rendered(tmp_path / "credits.mp4", CREDITS, 16.0))
    assert [text.text for text in texts] == list(NAMES)
    for caption, text in zip(CREDITS, texts, strict=True):
        leaves_s = caption.start_s + 8.0  # 720 pixels at 90 a second
        assert_stands(text, caption.start_s + 0.4, min(16.0, leaves_s), MOVING_S)


def test_a_clock_is_one_result_beside_a_title(tmp_path: Path) -> None:
    clock = [Caption(f"00:{second:02d}", second, second + 1, 1050, 40, 48) for second in range(12)]
    title = Caption("Final of the cup", 2.0, 10.0, 100, 40, 48)
    texts, _ = read(rendered(tmp_path / "clock.mp4", [*clock, title], 12.0))
    assert [text.text for text in texts] == ["00:00", "Final of the cup"]
    assert_stands(texts[0], 0.0, 12.0, STEADY_S)
    assert_stands(texts[1], 2.0, 10.0, STEADY_S)


def test_a_clip_without_text_gives_none(shared: Path) -> None:
    texts, readings = read(shared / "media" / "video" / "bbb_small_1080p30.mp4")
    assert texts == ()
    assert readings <= 15
