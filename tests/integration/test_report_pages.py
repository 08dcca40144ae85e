"""The HTML report in a real browser, made from real photographs."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import cv2
import numpy as np
import pytest
import simplejpeg
import skimage.data

from pipeline.domain.jobs import ItemError, JobKind, JobStatus, Outcome, Stage
from pipeline.domain.media import Rendition
from pipeline.domain.quality import Criterion, QualityScore
from pipeline.reports.contact_sheet import thumbnail
from pipeline.reports.interface import FORMATS
from pipeline.reports.model import ItemReport, JobReport, StepReport, delivered_percentage
from tests.http_servers import Quiet, answering

HOSTILE = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>.jpg"


def photographs() -> dict[str, np.ndarray[Any, np.dtype[np.uint8]]]:
    names = ("coffee", "chelsea", "rocket", "astronaut", "hubble_deep_field")
    return {name: getattr(skimage.data, name)() for name in names} | {"motorcycle": skimage.data.stereo_motorcycle()[0]}


def a_score(score: float, pass_mark: float = 60.0) -> QualityScore:
    lost = (round(100 - score - 1.5, 1), 1.5)
    names = (("exposure", "The middle tones sit low."), ("tilt", "The horizon leans a little."))
    return QualityScore(
        score,
        pass_mark,
        tuple(
            Criterion(name, 0.5, "at least 0.8", 0.5, each, sentence)
            for (name, sentence), each in zip(names, lost, strict=True)
        ),
    )


def an_item(position: int, name: str, picture: np.ndarray[Any, Any], outcome: Outcome) -> ItemReport:
    before = thumbnail(simplejpeg.encode_jpeg(np.ascontiguousarray(picture), 90))
    brighter = np.ascontiguousarray(cv2.convertScaleAbs(picture, alpha=1.1, beta=10))
    is_enhanced = outcome is Outcome.ENHANCED
    height, width = picture.shape[:2]
    web = Rendition("web", "key", "image/jpeg", width, height, 90_000, "0" * 64, f"https://cdn.example/{position}.jpg")
    return ItemReport(
        position=position,
        name=f"{name}.jpg",
        source=f"https://photos.example/{name}.jpg",
        outcome=outcome,
        score_before=a_score(64.3, 90.0 if outcome is Outcome.REJECTED else 60.0),
        score_after=a_score(88.1) if is_enhanced else None,
        steps=(StepReport("exposure", is_enhanced, "Middle tones lifted."),),
        renditions=(web,) if outcome.is_delivered else (),
        timings_ms={Stage.DOWNLOAD: 90, Stage.ENHANCE: 60},
        before_thumb=before,
        after_thumb=thumbnail(simplejpeg.encode_jpeg(brighter, 90)) if is_enhanced else None,
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three pictures enhanced, two approved, one rejected, two failed; one of these has a hostile name."""
    outcomes = (*[Outcome.ENHANCED] * 3, *[Outcome.APPROVED] * 2, Outcome.REJECTED)
    items = [
        an_item(position, name, picture, outcome)
        for position, ((name, picture), outcome) in enumerate(zip(photographs().items(), outcomes, strict=True), 1)
    ]
    error = ItemError("corrupt", Stage.VALIDATE, "The picture could not be decoded to its end.", False)
    items += [ItemReport(place, HOSTILE, "upload", Outcome.FAILED, error=error) for place in (7, 8)]
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    report = JobReport(
        job_id="job",
        kind=JobKind.ENHANCEMENT,
        workflow_slug="food",
        workflow_title="Food",
        workflow_version=1,
        guidelines_version=1,
        status=JobStatus.SUCCEEDED,
        created_at=now,
        started_at=now,
        finished_at=now,
        counts=Counter(item.outcome for item in items),
        percentage=delivered_percentage(5, len(items)),
        items=tuple(items),
        stage_seconds={Stage.DOWNLOAD: 0.54, Stage.ENHANCE: 0.36},
        product_version="0.1.0",
    )
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_bytes(FORMATS["html"].render(report))
    return path.as_uri()


@pytest.fixture
def sandboxing_server(page: str) -> Iterator[str]:
    """The report as the API serves it: under a policy that forbids every script."""
    data = Path(url2pathname(urlsplit(page).path)).read_bytes()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", FORMATS["html"].media_type)
            self.send_header("Content-Security-Policy", "sandbox")
            self.end_headers()
            self.wfile.write(data)

    with answering(Handler) as port:
        yield f"http://127.0.0.1:{port}/"


def test_every_picture_is_drawn(browser, page):
    browser.open(page)
    drawn = browser.get(
        "Promise.all([...document.images].map((image) => { image.loading = 'eager';"
        " return image.decode().then(() => image.naturalWidth > 0 && image.alt !== ''); }))"
    )
    assert drawn == [True] * 9


def test_the_page_asks_the_network_for_nothing_and_complains_of_nothing(browser, page):
    browser.open(page)
    browser.click("label[for=show-enhanced]")
    asked = [
        event["params"]["request"]["url"] for event in browser.events if event["method"] == "Network.requestWillBeSent"
    ]
    assert {url for url in asked if not url.startswith("data:")} == {page}
    complaints = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    assert [event for event in browser.events if event["method"] in complaints] == []


@pytest.mark.parametrize(
    ("outcome", "count"), [("all", 8), ("enhanced", 3), ("approved", 2), ("rejected", 1), ("failed", 2)]
)
def test_a_filter_shows_its_outcome_only_and_says_how_many(browser, page, outcome, count):
    browser.open(page)
    browser.click(f"label[for=show-{outcome}]")
    shown = browser.shown()
    assert len(shown) == count
    assert outcome == "all" or set(shown) == {outcome}
    assert browser.get("document.getElementById('told').textContent") == f"{count} of 8 shown"


def test_a_filter_hides_the_headings_of_empty_groups(browser, page):
    browser.open(page)
    browser.click("label[for=show-failed]")
    headings = browser.get(
        "[...document.querySelectorAll('h2')].filter((each) => each.offsetParent).map((each) => each.textContent)"
    )
    assert headings == ["Could not be finished"]


def test_a_link_can_open_the_page_with_a_filter_set(browser, page):
    browser.open(page + "#rejected")
    assert browser.shown() == ["rejected"]


def test_filters_work_without_scripts_and_before_and_after_stand_side_by_side(browser, page, sandboxing_server):
    browser.open(sandboxing_server)
    browser.click("label[for=show-enhanced]")
    assert browser.shown() == ["enhanced"] * 3
    left, right = browser.get(
        "[...document.querySelector('.pair').children].slice(0, 2).map((image) => image.getBoundingClientRect().x)"
    )
    assert right > left + 100


def test_arrow_keys_move_the_slider_and_uncover_the_original(browser, page):
    browser.open(page)
    clip = "getComputedStyle(document.querySelector('.slide img.after')).clipPath"
    assert browser.get(clip) == "inset(0px 0px 0px 50%)"
    browser.get("document.querySelector('.slide input').focus()")
    for _ in range(3):
        browser.press("ArrowRight", 39)
    assert browser.get(clip) == "inset(0px 0px 0px 53%)"


def test_a_pointer_moves_the_slider(browser, page):
    browser.open(page)
    browser.get("document.querySelector('.slide input').value = 10")
    browser.click(".slide input")
    assert browser.get("Math.abs(document.querySelector('.slide input').value - 50) < 3")


def test_the_reasons_open_with_a_click_and_add_up_to_the_score(browser, page):
    browser.open(page)
    browser.click(".card.enhanced summary")
    lost, score = browser.get(
        "(() => { const table = document.querySelector('.card.enhanced table');"
        " const last = (row) => Number(row.lastElementChild.textContent);"
        " const rows = [...table.tBodies[0].rows]; if (!table.offsetParent) return null;"
        " return [rows.reduce((sum, row) => sum + last(row), 0), last(table.tFoot.rows[1])]; })()"
    )
    assert score == 88.1
    assert lost == pytest.approx(100 - score)


def test_a_hostile_name_is_shown_and_runs_nothing(browser, page):
    browser.open(page)
    assert browser.get("document.title").startswith("Food")
    assert browser.get("document.querySelector('#item-7 h3').textContent.includes('<img src=x')")


def test_the_policy_of_the_page_stops_a_script_that_is_not_its_own(browser, page):
    browser.open(page)
    browser.get(
        "(() => { const script = document.createElement('script'); script.textContent = \"document.title = 'pwned'\";"
        " document.body.append(script); })()"
    )
    assert browser.get("document.title").startswith("Food")


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_screen_has_to_be_scrolled_sideways(browser, page, width):
    browser.open(page, width=width)
    browser.get("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert browser.get("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_that_wcag_asks_for(browser, page, scheme):
    browser.open(page, scheme=scheme)
    ratios = browser.get(
        "(() => { const light = (color) => color.match(/[\\d.]+/g).slice(0, 3).map(Number).map((c) => c / 255)"
        " .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)"
        " .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);"
        " const paper = light(getComputedStyle(document.body).backgroundColor);"
        " return ['h1', '.quiet', '.enhanced .badge', '.approved .badge', '.rejected .badge', '.failed .badge']"
        " .map((each) => light(getComputedStyle(document.querySelector(each)).color))"
        " .map((ink) => (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)); })()"
    )
    assert min(ratios) >= 4.5
