"""Every report format: whole, safe and small enough, whatever the customer's files are called."""

import csv
import io
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import numpy as np
import pytest
import simplejpeg

from pipeline.domain.jobs import ItemError, JobKind, JobStatus, Outcome, Stage
from pipeline.domain.media import MediaFacts, Rendition
from pipeline.domain.quality import Criterion, QualityScore
from pipeline.reports.contact_sheet import thumbnail
from pipeline.reports.interface import FORMATS
from pipeline.reports.model import ItemReport, JobReport, StepReport, delivered_percentage

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def a_picture(width: int = 768, height: int = 512, seed: int = 0) -> bytes:
    """Grain at a photograph's worst: about 20 kB as a thumbnail."""
    coarse = np.random.default_rng(seed).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(coarse.repeat(8, axis=0).repeat(8, axis=1)), 90))


def a_score(score: float = 80.0, *, pass_mark: float = 60.0, criteria: int = 2) -> QualityScore:
    lost = round(100 - score, 1)
    names = [f"criterion_{number}" for number in range(criteria)]
    return QualityScore(
        score,
        pass_mark,
        tuple(
            Criterion(name, 0.5, "at least 0.8", 1 / criteria, lost if name == names[0] else 0.0, f"About {name}.")
            for name in names
        ),
    )


def an_item(position: int = 1, outcome: Outcome = Outcome.ENHANCED, **changes: object) -> ItemReport:
    item = ItemReport(
        position=position,
        name=f"picture-{position}.jpg",
        source=f"https://photos.example/picture-{position}.jpg",
        outcome=outcome,
    )
    if outcome is Outcome.FAILED:
        item = replace(item, error=ItemError("corrupt", Stage.VALIDATE, "The picture is cut off.", False))
    elif outcome is Outcome.REJECTED:
        item = replace(item, score_before=a_score(41.0))
    else:
        web = Rendition("web", "public/key", "image/jpeg", 768, 512, 90_000, "0" * 64, "https://cdn.example/1.jpg")
        after = a_score(88.0) if outcome is Outcome.ENHANCED else None
        item = replace(item, score_before=a_score(72.5), score_after=after, renditions=(web,))
    return replace(item, **changes)  # type: ignore[arg-type]


def a_report(*items: ItemReport) -> JobReport:
    counts = Counter(item.outcome for item in items)
    return JobReport(
        job_id="9a077f0c-f7ab-4828-b496-4f65aa94f6a4",
        kind=JobKind.ENHANCEMENT,
        workflow_slug="food",
        workflow_title="Food",
        workflow_version=1,
        guidelines_version=3,
        status=JobStatus.SUCCEEDED,
        generation=1,
        created_at=NOON,
        started_at=NOON,
        finished_at=NOON + timedelta(seconds=8.5),
        counts=counts,
        percentage=delivered_percentage(sum(counts[each] for each in Outcome if each.is_delivered), len(items)),
        items=items,
        stage_seconds={Stage.DOWNLOAD: 1.5, Stage.ENHANCE: 4.25},
        product_version="0.1.0",
    )


class Page(HTMLParser):
    """What a page holds, as a browser would parse it."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.classes: list[str] = []
        self.text = ""
        self.feed(html.decode("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        self.classes += [value or "" for name, value in attrs if name == "class"]

    def handle_data(self, data: str) -> None:
        self.text += data


def the_page(report: JobReport) -> Page:
    return Page(FORMATS["html"].render(report))


def the_rows(report: JobReport) -> list[dict[str, str]]:
    text = FORMATS["csv"].render(report).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def the_document(report: JobReport) -> dict[str, object]:
    document: dict[str, object] = json.loads(FORMATS["json"].render(report))
    return document


HOSTILE = (
    "<script>alert(1)</script>.jpg",
    '"><img src=x onerror=alert(1)>.jpg',
    "{{ 7 * 7 }}{% raw %}.jpg",
    "photo\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe",
    "\x00\x1b[2J\r\nX-Header: 1.jpg",
    "half a pair \ud83d.jpg",
    "=cmd|' /C calc'!A0",
    "x" * 4096,
)


@pytest.mark.parametrize("name", HOSTILE, ids=[ascii(name)[:24] for name in HOSTILE])
def test_a_hostile_name_is_only_text_in_the_page(name):
    plain = the_page(a_report(an_item(), an_item(2, Outcome.FAILED), an_item(3, Outcome.REJECTED)))
    error = ItemError(name, Stage.VALIDATE, name, True)
    hostile = the_page(
        a_report(
            an_item(name=name, source=name, reference=name, steps=(StepReport("tone", False, name),)),
            an_item(2, Outcome.FAILED, name=name, error=error),
            an_item(3, Outcome.REJECTED, name=name),
        )
    )
    assert hostile.tags["script"] == plain.tags["script"] == 1
    assert hostile.tags["img"] == plain.tags["img"] == 0
    assert not [attribute for attribute, _ in hostile.attributes if attribute.startswith("on")]
    assert "49" not in hostile.text.replace("9a077f0c-f7ab-4828-b496-4f65aa94f6a4", "")
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in hostile.text


def test_a_name_of_4_kb_is_shortened_and_keeps_its_ending():
    page = FORMATS["html"].render(a_report(an_item(name="x" * 4096 + ".tiff")))
    assert b"x" * 301 not in page
    assert b"xx.tiff" in page


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "|", "%", " =", "\N{FULLWIDTH EQUALS SIGN}"])
def test_no_cell_of_the_csv_starts_a_formula(start):
    text = f"{start}HYPERLINK(1)"
    error = ItemError(text, Stage.DOWNLOAD, text, False)
    (row,) = the_rows(a_report(an_item(1, Outcome.FAILED, name=text, reference=text, source=text, error=error)))
    for column in ("name", "reference", "source", "error_code", "error_message"):
        assert row[column].startswith("'")


def test_the_csv_has_one_row_per_item_with_crlf_and_a_byte_order_mark():
    data = FORMATS["csv"].render(a_report(an_item(1, name='a "quoted", name\nin two lines.jpg'), an_item(2)))
    assert data.startswith(b"\xef\xbb\xbfposition,")
    assert data.count(b"\r\n") == data.count(b"\n") == 3
    assert b'"a ""quoted"", name in two lines.jpg"' in data


def test_the_csv_writes_scores_as_numbers_and_steps_that_changed_something():
    steps = (StepReport("white_balance", True), StepReport("denoise", False), StepReport("sharpen", True))
    (row,) = the_rows(a_report(an_item(steps=steps, timings_ms={Stage.ENHANCE: 96})))
    assert (row["score_before"], row["score_after"], row["pass_mark"]) == ("72.5", "88.0", "60.0")
    assert (row["steps"], row["enhance_ms"]) == ("white_balance | sharpen", "96")


def test_the_json_says_everything_about_an_item_and_returns_its_reference_untouched():
    document = the_document(a_report(an_item(reference="=Ünï\ud83d"), an_item(2, Outcome.FAILED, duplicate_of=1)))
    first, second = document["items"]
    assert document["schema_version"] == 1
    assert document["summary"]["counts"] == {"approved": 0, "enhanced": 1, "rejected": 0, "failed": 1, "cancelled": 0}
    assert document["summary"]["percentage"] == 50
    assert document["job"]["finished_at"] == "2026-11-24T12:00:08.500000Z"
    assert first["reference"] == "=Ünï\ud83d"
    assert first["score_after"]["score"] == 88.0
    assert second["error"] == {
        "code": "corrupt",
        "stage": "validate",
        "message": "The picture is cut off.",
        "retryable": False,
    }
    assert second["duplicate_of"] == 1


def test_a_number_that_is_not_finite_becomes_null_in_the_json():
    broken = replace(a_score(), criteria=(Criterion("noise", float("nan"), "low", 1.0, 20.0, "?"),))
    (item,) = the_document(a_report(an_item(score_before=broken)))["items"]
    assert item["score_before"]["criteria"][0]["value"] is None


@pytest.mark.parametrize("format_name", FORMATS)
def test_no_format_shows_credentials_signatures_or_what_exif_says_of_people(format_name):
    facts = MediaFacts(
        *("image/jpeg", 10, 10, 10, "0" * 64),
        creator="CANARY",
        copyright="CANARY",
        camera="CANARY",
        captured_at="CANARY",
    )
    signed = Rendition("web", "CANARY", "image/jpeg", 1, 1, 1, "0" * 64, "https://cdn.example/1.jpg?sig=CANARY#CANARY")
    item = an_item(
        source="HTTPS://user:CANARY@CANARY@photos.example/a.jpg?token=CANARY#CANARY", facts=facts, renditions=(signed,)
    )
    rendered = FORMATS[format_name].render(a_report(item))
    assert b"CANARY" not in rendered
    assert b"https://photos.example/a.jpg" in rendered


@pytest.mark.parametrize("format_name", FORMATS)
def test_an_empty_batch_has_a_report_in_every_format(format_name):
    assert FORMATS[format_name].render(a_report())


def test_a_batch_that_failed_as_a_whole_says_so_and_gives_each_reason():
    page = the_page(a_report(*(an_item(position, Outcome.FAILED) for position in (1, 2, 3))))
    assert "None of the 3 pictures is ready." in page.text
    assert page.text.count("The picture is cut off.") == 3
    assert page.text.count("mend the file and send it in a new batch") == 3


def test_failures_come_before_rejections_and_these_before_the_contact_sheet():
    text = the_page(a_report(an_item(1), an_item(2, Outcome.REJECTED), an_item(3, Outcome.FAILED))).text
    assert text.index("picture-3.jpg") < text.index("picture-2.jpg") < text.index("picture-1.jpg")


def test_the_page_tells_what_can_be_tried_again_and_how():
    error = ItemError("source_timed_out", Stage.DOWNLOAD, "The source was too slow.", True)
    page = the_page(a_report(an_item(1, Outcome.FAILED, error=error)))
    assert "darkroom jobs retry 9a077f0c-f7ab-4828-b496-4f65aa94f6a4 --failed" in page.text


def test_the_policy_of_the_page_names_its_own_style_and_script_and_nothing_else():
    page = the_page(a_report(an_item()))
    (policy,) = [value for name, value in page.attributes if name == "content" and "default-src" in value]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "style" not in [name for name, _ in page.attributes]


def test_only_web_addresses_become_links():
    web = an_item().renditions[0]
    bad = replace(web, url="javascript:alert(1)")
    links = [value for name, value in the_page(a_report(an_item(renditions=(web, bad)))).attributes if name == "href"]
    assert links == ["https://cdn.example/1.jpg"]


def test_a_private_picture_has_no_dead_link_and_the_page_says_where_a_fresh_one_is_had():
    signed = "https://api.example/files/private/key?expires=1&signature=CANARY"
    private = replace(an_item().renditions[0], key="private/key", url=signed)
    page = the_page(a_report(an_item(renditions=(private,))))
    assert not [value for name, value in page.attributes if name == "href"]
    assert "private: GET /v1/batches/9a077f0c-f7ab-4828-b496-4f65aa94f6a4 gives a fresh link" in page.text
    assert "CANARY" not in page.text


def test_a_public_picture_in_a_folder_called_files_keeps_its_link():
    public = replace(an_item().renditions[0], url="https://cdn.example/files/public/key")
    links = [value for name, value in the_page(a_report(an_item(renditions=(public,)))).attributes if name == "href"]
    assert links == ["https://cdn.example/files/public/key"]


def test_duplicates_point_at_each_other():
    page = the_page(a_report(an_item(1), an_item(2, duplicate_of=1)))
    assert [value for name, value in page.attributes if name == "href" and value[0] == "#"] == ["#item-2", "#item-1"]


@pytest.mark.parametrize(("height", "is_slider"), [(512, True), (768, False)])
def test_before_and_after_lie_on_each_other_unless_the_picture_was_cropped(height, is_slider):
    before, after = thumbnail(a_picture()), thumbnail(a_picture(height=height, seed=1))
    page = the_page(a_report(an_item(before_thumb=before, after_thumb=after)))
    assert page.tags["img"] == 2
    assert any("slide" in classes.split() for classes in page.classes) is is_slider


def test_an_approved_picture_is_shown_once_and_a_broken_thumbnail_not_at_all():
    thumb = thumbnail(a_picture())
    approved = an_item(1, Outcome.APPROVED, before_thumb=thumb, after_thumb=thumb)
    assert the_page(a_report(approved, an_item(2, before_thumb=b"no jpeg"))).tags["img"] == 1


def test_a_page_of_800_pictures_stays_under_20_mb_with_all_of_them():
    before, after = thumbnail(a_picture()), thumbnail(a_picture(seed=1))
    score = a_score(70.3, criteria=13)
    items = [
        an_item(number, before_thumb=before, after_thumb=after, score_before=score, score_after=score)
        for number in range(1, 801)
    ]
    page = FORMATS["html"].render(a_report(*items))
    assert len(before) + len(after) > 30_000
    assert page.count(b"data:image/jpeg;base64,") == 1600
    assert len(page) < 20_000_000
