"""JSON whose long strings lie beside it: the same text in any pieces, and no other JSON than the parser's."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.access.bodies import JSON_BYTES, parsed
from pipeline.access.spooled_json import LONG, SpooledJson, spool_json
from pipeline.dialects.analysis_requests import ImageBatchRequest
from pipeline.errors import InvalidRequest, RequestTooLarge

LONG_TEXTS = st.builds(
    lambda part, times, end: part * times + end,
    st.sampled_from(["AAAA", 'a"b', '"', "\\", '\\"', "/\\\\"]),
    st.integers(1, LONG),
    st.sampled_from(["", "\\", '"', "a"]),
)
TEXTS = st.text(max_size=12) | LONG_TEXTS
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def in_pieces(text: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def spooled(text: bytes, size: int = 65536) -> SpooledJson:
    return spool_json(in_pieces(text, size), io.BytesIO())


def whole(body: SpooledJson) -> Any:
    """The value with its long strings in their places again."""

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            text = b"".join(body.pieces(value))
            return json.loads(b'"' + text + b'"') if body.is_long(value) else value
        if isinstance(value, list):
            return [filled(one) for one in value]
        return {name: filled(one) for name, one in value.items()} if isinstance(value, dict) else value

    return filled(json.loads(body.text))


def a_batch(**changes: Any) -> bytes:
    return json.dumps({"images": [{"external_id": "a", "data_base64": "A" * (LONG + 4)}], **changes}).encode()


def refusal(text: bytes) -> dict[str, list[str]]:
    with pytest.raises(InvalidRequest) as caught:
        parsed(ImageBatchRequest, spooled(text).text, {"max_items": 100})
    return caught.value.fields


@settings(max_examples=150, deadline=None)
@given(VALUES, st.sampled_from([1, 3, 4096, 65536]), st.booleans())
def test_any_json_is_the_same_value_however_it_is_cut(value: Any, size: int, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert whole(spooled(text, size if len(text) < 20_000 else 4096)) == value


@given(st.text(alphabet='"\\{}[],:a\n\x01é', max_size=40).map(str.encode), st.integers(1, 5))
def test_what_is_no_json_stays_what_it_is(text: bytes, size: int) -> None:
    assert spooled(text, size).text == text


def test_a_string_is_long_from_one_byte_on() -> None:
    at, over = spooled(json.dumps(["A" * LONG]).encode()), spooled(json.dumps(["A" * (LONG + 1)]).encode())
    assert not at.is_long(json.loads(at.text)[0])
    assert over.is_long(json.loads(over.text)[0])


@pytest.mark.parametrize("escapes", [b'\\"', b"\\\\", b'\\\\\\"', b'\\"\\\\'])
def test_an_escape_that_is_cut_in_two_ends_no_string(escapes: bytes) -> None:
    text = b'["AA' + escapes + b"A" * (LONG + 1) + b'"]'
    for cut in range(4 + len(escapes) + 2):
        body = spool_json(iter([text[:cut], text[cut:]]), io.BytesIO())
        (mark,) = json.loads(body.text)
        assert b"".join(body.pieces(mark)) == text[2:-2]


def test_a_long_string_where_none_belongs_is_refused_by_its_own_field() -> None:
    long = "A" * (LONG + 1)
    fields = refusal(a_batch(webhook={"url": f"https://{long}", "secret": long}))
    assert fields == {
        "webhook.url": ["The webhook.url field must not be longer than 4096 characters."],
        "webhook.secret": ["The webhook.secret field must not be longer than 512 characters."],
    }
    names = refusal(json.dumps({"images": [{"external_id": long, "data_base64": ""}]}).encode())
    assert names == {
        "images.0.external_id": ["The images.0.external_id field must not be longer than 1024 characters."]
    }


def test_nobody_can_write_the_mark_of_a_long_string() -> None:
    first, second = spooled(a_batch()), spooled(a_batch())
    mark = json.loads(first.text)["images"][0]["data_base64"]
    assert mark != json.loads(second.text)["images"][0]["data_base64"]
    assert not second.is_long(mark)


def test_a_control_character_in_a_long_string_is_no_json() -> None:
    with pytest.raises(InvalidRequest, match="control character"):
        spooled(b'["' + b"A" * (LONG + 1) + b'\nA"]')


@pytest.mark.parametrize("end", [b"", b'"', b'"}', b'"}]'])
def test_a_body_that_breaks_off_is_no_json(end: bytes) -> None:
    for size in (10, LONG + 10):
        assert "not valid JSON" in refusal(b'{"images": [{"data_base64": "' + b"A" * size + end)["body"][0]


def test_a_name_given_twice_is_refused_as_everywhere() -> None:
    long = b'"' + b"A" * (LONG + 1) + b'"'
    assert (
        "same name twice" in refusal(b'{"images": [{"data_base64": %b, "data_base64": %b}]}' % (long, long))["body"][0]
    )


def test_depth_is_refused_as_everywhere() -> None:
    assert "nested deeper" in refusal(b'{"images":' * 1 + b"[" * 100_000)["body"][0]


def test_what_is_no_image_may_not_be_large() -> None:
    with pytest.raises(RequestTooLarge, match="without its images"):
        spooled(b'{"images": ' + b" " * (JSON_BYTES + 65536))
    with pytest.raises(RequestTooLarge, match="without its images"):
        spooled(b'["' + b'","'.join([b"A" * (LONG + 1)] * 3000) + b'"]')


def test_a_batch_over_the_number_of_images_is_refused_in_words() -> None:
    body = json.dumps({"images": [{"data_base64": ""}] * 101}).encode()
    assert refusal(body) == {"images": ["A batch holds at most 100 images, and this one has 101."]}


def test_a_batch_without_images_is_refused_in_words() -> None:
    assert refusal(b'{"images": []}') == {"images": ["The images field must hold at least one entry."]}
    assert refusal(b"{}") == {"images": ["The images field is required."]}
    assert refusal(b'{"images": [{}]}') == {"images.0.data_base64": ["The images.0.data_base64 field is required."]}
