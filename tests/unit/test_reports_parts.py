"""The small parts of reports: thumbnails, contact sheets, names and words."""

import numpy as np
import pytest
import simplejpeg

from pipeline.domain.jobs import Outcome
from pipeline.errors import CorruptMedia
from pipeline.reports.contact_sheet import contact_sheet, thumbnail, thumbnail_size
from pipeline.reports.model import ItemReport, delivered_percentage, name_of, shown_source
from pipeline.reports.pictures import BUDGET, thumb_side_for
from pipeline.reports.words import printable, shortened


def a_picture(width: int, height: int) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.full((height, width, 3), 90, dtype=np.uint8), 90))


def an_item(position: int = 1, before_thumb: bytes | None = None) -> ItemReport:
    return ItemReport(position, "a.jpg", "a.jpg", Outcome.APPROVED, before_thumb=before_thumb)


def test_a_thumbnail_keeps_its_shape_and_never_grows():
    assert thumbnail_size(thumbnail(a_picture(768, 512))) == (320, 213)
    assert thumbnail_size(thumbnail(a_picture(512, 768), 160)) == (107, 160)
    assert thumbnail_size(thumbnail(a_picture(64, 48))) == (64, 48)


@pytest.mark.parametrize("data", [b"", b"no jpeg", b"\xff\xd8\xff\xe0"])
def test_a_thumbnail_of_what_is_no_jpeg_is_an_error_of_ours(data):
    with pytest.raises(CorruptMedia):
        thumbnail(data)


def test_a_contact_sheet_has_a_cell_for_each_picture_up_to_its_limit():
    thumb = thumbnail(a_picture(768, 512))
    items = [an_item(number, thumb) for number in range(1, 12)]
    assert thumbnail_size(contact_sheet(items, cell=100, columns=4)) == (400, 3 * 122)
    assert thumbnail_size(contact_sheet(items, limit=2, cell=100, columns=4)) == (200, 122)
    assert thumbnail_size(contact_sheet([], cell=100)) == (100, 122)
    assert thumbnail_size(contact_sheet([an_item(before_thumb=b"no jpeg")], cell=100)) == (100, 122)


@pytest.mark.parametrize(
    ("source", "shown", "name"),
    [
        ("https://a.example/b/c%20d.jpg?x=1#y", "https://a.example/b/c%20d.jpg", "c d.jpg"),
        ("http://u:p@a.example:8080/c.jpg", "http://a.example:8080/c.jpg", "c.jpg"),
        ("https://a.example?token=1", "https://a.example", "a.example"),
        ("https://a.example/x%2F..%2Fetc/", "https://a.example/x%2F..%2Fetc/", "etc"),
        ("what? 100%.jpg", "what? 100%.jpg", "what? 100%.jpg"),
        ("C:\\pictures\\cat.png", "C:\\pictures\\cat.png", "cat.png"),
        ("", "", "picture"),
    ],
)
def test_a_source_is_shown_without_its_secrets_and_gives_the_picture_its_name(source, shown, name):
    assert (shown_source(source), name_of(source)) == (shown, name)


def test_only_a_batch_with_every_picture_delivered_is_a_hundred_percent():
    assert [delivered_percentage(*each) for each in ((0, 0), (799, 800), (800, 800), (1, 3))] == [0, 99, 100, 33]


def test_words_in_any_script_stay_as_they_are():
    assert printable("Żółć 日本 صورة 🦊.jpg") == "Żółć 日本 صورة 🦊.jpg"
    assert shortened("abcdefghij.jpeg", 10) == "abcdef…peg"


def test_thumbnails_are_made_as_large_as_the_page_of_so_many_pictures_can_carry():
    sides = [thumb_side_for(items) for items in (0, 1, 100, 400, 800, 5000, 1_000_000)]
    assert sides[:3] == [320, 320, 320]
    assert sides == sorted(sides, reverse=True)
    assert sides[-1] == 96
    estimated = 2 * 800 * 15_000 * (thumb_side_for(800) / 320) ** 1.5
    assert 0.9 * BUDGET < estimated < 1.3 * BUDGET, "quality 72 in place of 80 would save the rest"
