"""The pages of analysis jobs in a real browser."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
import simplejpeg
import skimage.data

from pipeline.domain.analysis import ImageFindings, Section, Span, Tag, TextResult, VideoFindings
from pipeline.domain.jobs import JobKind
from pipeline.reports.analysis.interface import ANALYSIS_FORMATS
from pipeline.reports.contact_sheet import thumbnail
from tests.http_servers import Quiet, answering
from tests.integration.chromium import Browser
from tests.unit.analysis_reports import a_failed_image, a_report, a_video, an_image, some_findings

HOSTILE = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>.mp4"
WHEN = "document.querySelector('.when').firstChild.textContent"
WHAT = "document.querySelector('.moment .what').textContent"
NOW = "[...document.querySelectorAll('.shot.now')].map((shot) => shot.id)"


def thumbs() -> list[bytes]:
    names = ("coffee", "chelsea", "rocket")
    return [thumbnail(simplejpeg.encode_jpeg(getattr(skimage.data, name)(), 90)) for name in names]


def written(folder: Path, name: str, data: bytes) -> str:
    path = folder / name
    path.write_bytes(data)
    return path.as_uri()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three shots in ten seconds, with a hostile name and a hostile sign."""
    texts = (TextResult("Fresh bread", 0.97, "en", Span(4.5, 6.5)), TextResult(HOSTILE, 0.9, None, Span(8.0, 9.0)))
    item = a_video(some_findings(texts=texts), name=HOSTILE, shot_thumbs=dict(enumerate(thumbs())))
    data = ANALYSIS_FORMATS["html"].render(a_report([item]))
    return written(tmp_path_factory.mktemp("film"), "film.html", data)


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A thousand shots in an hour."""
    shots = tuple(Span(3.6 * place, 3.6 * (place + 1)) for place in range(1000))
    sections = tuple(Section("still", shots[start : start + 50], 1.0, 0.9, False, 0.1) for start in range(0, 1000, 50))
    found = VideoFindings(3600.0, 90000, shots, 5.0, tuple([0.1, 0.3] * 9000), sections=sections)
    pictures = thumbs()
    item = a_video(found, shot_thumbs={index: pictures[index % 3] for index in range(1000)})
    data = ANALYSIS_FORMATS["html"].render(a_report([item]))
    assert len(data) < 20_000_000
    return written(tmp_path_factory.mktemp("hour"), "hour.html", data)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One with people and text, one with something critical, one with nothing, one that failed."""
    found = thumbs()
    critical = ImageFindings((Tag("weapon", 0.9, True),))
    items = [
        an_image(1, thumb=found[0]),
        an_image(2, thumb=found[1], findings=critical),
        an_image(3, thumb=found[2], findings=ImageFindings(), name=HOSTILE),
        a_failed_image(4),
    ]
    data = ANALYSIS_FORMATS["html"].render(a_report(items, JobKind.IMAGE_ANALYSIS))
    return written(tmp_path_factory.mktemp("pictures"), "pictures.html", data)


def at(browser: Browser, share: float) -> None:
    """The pointer stands over this share of the timeline."""
    x, y = browser.get(
        "(() => { const range = document.querySelector('.timeline input'); range.scrollIntoView({block: 'center'});"
        " const box = range.getBoundingClientRect();"
        f" return [box.x + box.width * {share}, box.y + box.height / 2]; }})()"
    )
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)


@pytest.mark.parametrize("page", ["film", "hour", "pictures"])
def test_a_page_asks_the_network_for_nothing_and_complains_of_nothing(browser, request, page):
    url = request.getfixturevalue(page)
    browser.open(url)
    asked = [
        event["params"]["request"]["url"] for event in browser.events if event["method"] == "Network.requestWillBeSent"
    ]
    assert {each for each in asked if not each.startswith("data:")} == {url}
    complaints = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    assert [event for event in browser.events if event["method"] in complaints] == []


def test_hostile_words_are_shown_and_run_nothing(browser, film):
    browser.open(film)
    at(browser, 0.85)
    assert browser.get("document.title") != "pwned"
    assert browser.get("document.querySelector('.moment .read').textContent.includes('<img src=x')")
    assert browser.get("document.querySelectorAll('img[src=x]').length") == 0


def test_the_pointer_over_the_timeline_tells_what_that_moment_holds(browser, film):
    browser.open(film)
    at(browser, 0.2)
    assert browser.get(WHAT) == "Talking head · Person 1"
    assert browser.get(NOW) == ["shot-1-1"]
    at(browser, 0.55)
    assert browser.get(WHEN) in ("0:05.4", "0:05.5")
    assert browser.get(WHAT) == "Title card"
    assert "Fresh bread" in browser.get("document.querySelector('.moment .read').textContent")
    assert browser.get(NOW) == ["shot-1-2"]


def test_a_moment_shows_the_picture_of_its_shot(browser, film):
    browser.open(film)
    at(browser, 0.55)
    same = "document.querySelector('.still img').src === document.querySelector('#shot-1-2 img').src"
    assert browser.get(same)


def test_arrow_keys_walk_through_the_video_and_are_told_in_words(browser, film):
    browser.open(film)
    browser.get("document.querySelector('.timeline input').focus()")
    for _ in range(5):
        browser.press("ArrowRight", 39)
    assert browser.get("document.querySelector('.timeline input').value") == "0.05"
    assert browser.get("document.querySelector('.timeline input').getAttribute('aria-valuetext')") == "0:00.0, shot 1"


def test_a_click_on_the_timeline_stays(browser, film):
    browser.open(film)
    browser.click(".timeline input")
    assert browser.get(WHEN) in ("0:04.9", "0:05.0", "0:05.1")
    assert float(browser.get("document.querySelector('.timeline input').value")) == pytest.approx(5.0, abs=0.1)


def test_the_cursor_stands_where_the_pointer_is(browser, film):
    browser.open(film)
    for share in (0.01, 0.5, 0.99):
        at(browser, share)
        apart = browser.get(
            "(() => { const box = document.querySelector('.timeline input').getBoundingClientRect();"
            " const cursor = document.querySelector('.cursor').getBoundingClientRect();"
            f" return Math.abs(cursor.x + cursor.width / 2 - box.x - box.width * {share}); }})()"
        )
        assert apart < 2


def test_of_a_thousand_shots_sixty_are_open_and_the_others_a_click_away(browser, hour):
    browser.open(hour)
    visible = "[...document.querySelectorAll('.shot')].filter((shot) => shot.checkVisibility()).length"
    assert browser.get(visible) == 60
    browser.click("details.more summary")
    assert browser.get(visible) == 1000
    at(browser, 0.9)
    assert browser.get(NOW) in (["shot-1-900"], ["shot-1-901"])


@pytest.fixture
def sandboxing_server(film: str) -> Iterator[str]:
    """The page as the API serves it: under a policy that forbids every script."""
    data = Path(url2pathname(urlsplit(film).path)).read_bytes()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", "sandbox")
            self.end_headers()
            self.wfile.write(data)

    with answering(Handler) as port:
        yield f"http://127.0.0.1:{port}/"


def test_without_scripts_the_timeline_is_drawn_and_every_block_has_its_words(browser, sandboxing_server):
    browser.open(sandboxing_server)
    assert browser.get("document.querySelectorAll('.timeline image').length") == 3
    assert browser.get("document.querySelector('rect.people title').textContent").startswith(
        "Person 1, female, about 34"
    )
    assert not browser.get("document.querySelector('.timeline input').checkVisibility()")
    assert not browser.get("document.querySelector('.moment').checkVisibility()")


@pytest.mark.parametrize(
    ("kind", "positions"), [("is-critical", [2]), ("has-people", [1]), ("has-texts", [1]), ("failed", [4])]
)
def test_a_filter_shows_the_pictures_it_names(browser, pictures, kind, positions):
    browser.open(pictures)
    browser.click(f"label[for=show-{kind}]")
    shown = "[...document.querySelectorAll('.item')].filter((item) => item.offsetParent).map((item) => item.id)"
    assert browser.get(shown) == [f"item-{position}" for position in positions]
    assert browser.get("document.getElementById('told').textContent") == "1 of 4 shown"


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("page", ["film", "pictures"])
def test_no_screen_has_to_be_scrolled_sideways(browser, request, page, width):
    browser.open(request.getfixturevalue(page), width=width)
    assert browser.get("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_in_the_timeline_have_the_contrast_that_wcag_asks_for(browser, film, scheme):
    browser.open(film, scheme=scheme)
    ratios = browser.get(
        "(() => { const light = (color) => color.match(/[\\d.]+/g).slice(0, 3).map(Number).map((c) => c / 255)"
        " .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)"
        " .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);"
        " const ratio = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);"
        " const fill = (each) => light(getComputedStyle(each).fill);"
        " const paper = light(getComputedStyle(document.body).backgroundColor);"
        " const inside = [...document.querySelectorAll('text.inside')].map((text) => {"
        "  const block = text.previousElementSibling; return ratio(fill(text), fill(block)); });"
        " return [...inside, ratio(fill(document.querySelector('text.lane')), paper)]; })()"
    )
    assert len(ratios) > 3
    assert min(ratios) >= 4.5
