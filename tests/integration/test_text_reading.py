"""Text in real pictures, by the real engines, offline."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.domain.analysis import TextResult
from pipeline.errors import CapabilityUnavailable
from pipeline.inference.text_reading import RapidReader, unread_scripts
from pipeline.media.tesseract import TesseractReader, installed_languages
from pipeline.ports import TextReader
from pipeline.stages.analyze.text import language_of, texts_in_picture

NOTICES = """
en Mind the gap between the train and the platform|Push bar to open|Keep out of reach of children|Watch your step
de Eintritt nur für Befugte|Bitte ziehen|Achtung frisch gestrichen|Nächster Halt Hauptbahnhof
fr Entrée interdite au public|Attention à la marche|Fermé le dimanche|Poussez la porte
es No pisar el césped|Abierto todos los días|Se vende esta casa|Empuje la puerta
it Vietato l'ingresso|Aperto tutti i giorni|Si prega di attendere|Prossima fermata
pt Não pise na grama|Aberto todos os dias|Vende-se esta casa|Próxima estação
nl Verboden te parkeren|Elke dag geopend|Let op het afstapje|Volgende halte
sv Öppet alla dagar|Se upp för tåget|Ingång från gården|Håll dörren stängd
pl Uwaga na stopień|Otwarte codziennie|Wejście od podwórza|Następny przystanek
tr Her gün hizmetinizdeyiz|Dikkat köpek var|Sonraki durak|Giriş ücretsizdir
ru Осторожно двери закрываются|Выход в город|Просьба не курить|Следующая станция
"""
"""Four notices in each of eleven languages, written for this test after the thresholds were set on others."""


def pixels_of(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def words(text: str) -> Counter[str]:
    """Runs of letters and digits: how a dash is spaced is no matter of words."""
    return Counter(re.findall(r"[^\W_]+", text))


def recall_and_precision(folder: Path, reader: TextReader) -> tuple[float, float]:
    truth: dict[str, str] = json.loads((folder / "truth.json").read_text())
    hits = found = wanted = 0
    for name, text in truth.items():
        read = words("\n".join(result.text for result in texts_in_picture(pixels_of(folder / name), reader)))
        hits += (read & words(text)).total()
        found, wanted = found + read.total(), wanted + words(text).total()
    assert wanted > 60
    return hits / wanted, hits / found


@pytest.fixture
def samples(shared: Path) -> Path:
    return shared / "media" / "text"


@pytest.fixture
def tesseract() -> Callable[..., TesseractReader]:
    def reader(*languages: str) -> TesseractReader:
        reason = TesseractReader(languages).unavailable()
        if reason is not None:
            pytest.skip(reason)
        return TesseractReader(languages)

    return reader


def texts_of(samples: Path, name: str) -> tuple[TextResult, ...]:
    return texts_in_picture(pixels_of(samples / name), RapidReader())


def test_signs_labels_and_a_document_are_read_word_by_word(samples: Path) -> None:
    recall, precision = recall_and_precision(samples, RapidReader())
    assert recall >= 0.97
    assert precision >= 0.97


def test_tesseract_reads_the_document_and_most_of_the_signs(
    samples: Path, tesseract: Callable[..., TesseractReader]
) -> None:
    recall, precision = recall_and_precision(samples, tesseract("eng"))
    assert recall >= 0.6
    assert precision >= 0.85


def test_a_japanese_sign_is_read_in_its_script(samples: Path) -> None:
    (text,) = texts_of(samples, "easyocr_japanese.jpg")
    assert text.language == "ja"
    assert "ポイ捨て禁止" in text.text
    assert "清潔できれいな港区を" in text.text
    assert "NO LITTER" in text.text


def test_a_korean_sign_is_read_in_its_script_where_tesseract_knows_it(samples: Path) -> None:
    if "kor" not in installed_languages():
        pytest.skip(f"nothing here reads Korean: {unread_scripts()['Korean']}")
    texts = texts_of(samples, "easyocr_korean.png")
    found = "\n".join(text.text for text in texts)
    assert all(word in found for word in ("서울", "평양", "Seoul", "Pyeongyang", "56Km", "205Km"))
    assert "ko" in [text.language for text in texts]


def test_a_script_that_nothing_reads_is_named_with_the_command_that_changes_it() -> None:
    unread = unread_scripts()
    assert ("Korean" in unread) == ("kor" not in installed_languages())
    assert all("apt-get install" in command for command in unread.values())


def test_a_french_signpost_is_french_and_its_arrows_are_no_text(samples: Path) -> None:
    texts = texts_of(samples, "easyocr_french.jpg")
    assert "fr" in {text.language for text in texts}
    found = "\n".join(text.text for text in texts)
    assert "LES ARTS DÉCORATIFS" in found
    assert "穴" not in found


@pytest.mark.parametrize("name", ["coral_parrot.jpg", "immich_portrait.jpg", "monstree_IMG_1025.JPG"])
def test_a_photograph_without_text_gives_none(shared: Path, name: str) -> None:
    assert texts_in_picture(pixels_of(shared / "media" / "photos" / name), RapidReader()) == ()


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 900, 3), (900, 3, 3), (40, 40, 3), (20, 4000, 3)])
def test_a_picture_of_any_shape_is_read(shape: tuple[int, int, int]) -> None:
    assert RapidReader().read(np.full(shape, 200, np.uint8)) == ()


def test_threads_that_start_together_read_the_same(samples: Path) -> None:
    pixels = pixels_of(samples / "text_00_sign.jpg")
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: RapidReader().read(pixels), range(6)))
    assert len(results[0]) == 2
    assert all(result == results[0] for result in results)


def test_the_engine_reads_without_network_log_or_word(samples: Path) -> None:
    code = """
import socket, sys
import numpy as np
from PIL import Image
def refuse(*_):
    raise AssertionError("the engine asked for the network")
socket.socket.connect = socket.getaddrinfo = refuse
from pipeline.inference.text_reading import RapidReader
assert RapidReader().read(np.asarray(Image.open(sys.argv[1]).convert("RGB")))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(samples / "text_00_sign.jpg")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_reading_is_imported_only_when_something_is_read() -> None:
    code = (
        "import sys; import pipeline.inference.text_reading, pipeline.stages.analyze.text; "
        "sys.exit(bool({'rapidocr', 'py3langid', 'onnxruntime'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_language_is_named_with_the_command_that_installs_it(
    tesseract: Callable[..., TesseractReader],
) -> None:
    tesseract("eng")
    reader = TesseractReader(("eng", "tlh"))
    assert "apt-get install tesseract-ocr-tlh" in str(reader.unavailable())
    with pytest.raises(CapabilityUnavailable, match="tlh"):
        reader.read(np.zeros((10, 10, 3), np.uint8))


def test_without_the_program_the_reason_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reason = str(TesseractReader().unavailable())
    assert "apt-get install tesseract-ocr" in reason
    with pytest.raises(CapabilityUnavailable, match="not installed"):
        texts_in_picture(np.zeros((10, 10, 3), np.uint8), TesseractReader())


def test_short_notices_are_told_apart_by_language() -> None:
    notices = [
        (language, text)
        for language, _, texts in (line.partition(" ") for line in NOTICES.strip().splitlines())
        for text in texts.split("|")
    ]
    told = [(language, language_of(text)) for language, text in notices]
    assert sum(language == found for language, found in told) >= 0.8 * len(told)
    assert sum(found is not None and language != found for language, found in told) <= 0.1 * len(told)
