"""What an operator decides about analyses, from the environment to the options that the services take."""

from pathlib import Path

import pytest

from pipeline.bootstrap import line_options
from pipeline.services.line import AnalysisOptions
from pipeline.settings import Settings


def settings(tmp_path: Path, **environ: str) -> Settings:
    return Settings.from_environment({"DARKROOM_DATA": str(tmp_path), **environ})


def analysis(tmp_path: Path, **environ: str) -> AnalysisOptions:
    return line_options(settings(tmp_path, **environ)).analysis


def test_an_empty_environment_gives_the_options_own_defaults(tmp_path: Path) -> None:
    assert analysis(tmp_path) == AnalysisOptions()


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
