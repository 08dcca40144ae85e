"""What an operator decides about analyses, from the environment to the options that the services take."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.bootstrap import line_options
from pipeline.errors import OperatorError
from pipeline.services.line import AnalysisOptions
from pipeline.settings import Settings


def settings(tmp_path: Path, **environ: str) -> Settings:
    return Settings.from_environment({"DARKROOM_DATA": str(tmp_path), **environ})


def analysis(tmp_path: Path, **environ: str) -> AnalysisOptions:
    return line_options(settings(tmp_path, **environ)).analysis


def test_an_empty_environment_gives_the_options_own_defaults(tmp_path: Path) -> None:
    default = analysis(tmp_path)
    assert replace(default, video=AnalysisOptions().video) == AnalysisOptions()


def test_two_gib_of_video_are_taken_unless_told_otherwise(tmp_path: Path) -> None:
    assert analysis(tmp_path).video.max_bytes == 2 * 1024**3


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("DARKROOM_ANALYSIS_IMAGES", "7", "max_images", 7),
        ("DARKROOM_MAX_BYTES", "1000", "max_image_bytes", 1000),
        ("DARKROOM_VIDEO_MEMORY_MB", "512", "memory_mb", 512),
        ("DARKROOM_MODELS", "/models", "models", Path("/models")),
        ("DARKROOM_MODELS_MB", "100", "models_mb", 100),
        ("DARKROOM_OCR", "tesseract:eng+deu", "reader", "tesseract:eng+deu"),
        ("DARKROOM_BIOMETRICS_DAYS", "1", "biometrics_days", 1),
        ("DARKROOM_WEBHOOK_SIGNATURE", "hex", "signature_prefix", ""),
        ("DARKROOM_WEBHOOK_SIGNATURE", "sha256=hex", "signature_prefix", "sha256="),
    ],
)
def test_a_variable_becomes_its_option(tmp_path: Path, name: str, value: str, field: str, expected: object) -> None:
    assert getattr(analysis(tmp_path, **{name: value}), field) == expected


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("DARKROOM_VIDEO_MAX_BYTES", "5000", "max_bytes", 5000),
        ("DARKROOM_VIDEO_MAX_S", "1.5", "max_duration_s", 1.5),
    ],
)
def test_a_limit_of_videos_becomes_their_limit(
    tmp_path: Path, name: str, value: str, field: str, expected: object
) -> None:
    assert getattr(analysis(tmp_path, **{name: value}).video, field) == expected


def test_the_keys_header_may_be_named(tmp_path: Path) -> None:
    assert settings(tmp_path).api_key_header == "X-API-Key"
    assert settings(tmp_path, DARKROOM_API_KEY_HEADER="X-Noxo-Key").api_key_header == "X-Noxo-Key"


@pytest.mark.parametrize("reader", ["rapidocr", "tesseract", "tesseract:jpn", "tesseract:chi_sim+eng"])
def test_an_engine_for_text_is_named_with_its_languages(tmp_path: Path, reader: str) -> None:
    assert settings(tmp_path, DARKROOM_OCR=reader).ocr == reader


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("DARKROOM_OCR", "easyocr", "rapidocr, tesseract"),
        ("DARKROOM_OCR", "rapidocr:eng", "rapidocr, tesseract"),
        ("DARKROOM_OCR", "tesseract:", "tesseract with its languages"),
        ("DARKROOM_OCR", "tesseract:eng deu", "tesseract with its languages"),
        ("DARKROOM_OCR", "tesseract:../eng", "tesseract with its languages"),
        ("DARKROOM_API_KEY_HEADER", "X Key", "the name of a header"),
        ("DARKROOM_API_KEY_HEADER", "X-Key:", "the name of a header"),
        ("DARKROOM_API_KEY_HEADER", "X" * 65, "the name of a header"),
        ("DARKROOM_WEBHOOK_SIGNATURE", "base64", "hex or sha256=hex"),
        ("DARKROOM_WEBHOOK_SIGNATURE", "sha256=", "hex or sha256=hex"),
        ("DARKROOM_BIOMETRICS_DAYS", "0", "a whole number of at least 1"),
        ("DARKROOM_BIOMETRICS_DAYS", "1.5", "a whole number of at least 1"),
        ("DARKROOM_ANALYSIS_IMAGES", "-1", "a whole number of at least 1"),
        ("DARKROOM_VIDEO_MAX_BYTES", "2 GiB", "a whole number of at least 1"),
        ("DARKROOM_VIDEO_MAX_S", "0", "a number of seconds above 0"),
        ("DARKROOM_VIDEO_MEMORY_MB", "lots", "a whole number of at least 1"),
        ("DARKROOM_MODELS_MB", "0", "a whole number of at least 1"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_the_way_out(
    tmp_path: Path, name: str, value: str, advice: str
) -> None:
    with pytest.raises(OperatorError) as refusal:
        settings(tmp_path, **{name: value})
    assert refusal.value.message.startswith(f"{name} cannot be used ({value!r})")
    assert advice in refusal.value.message
