"""RapidOCR, the engine for text in scenes: detector and recogniser from its own wheel, in one session per process."""

import importlib.util
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import TextResult
from pipeline.domain.media import Box
from pipeline.errors import CapabilityUnavailable
from pipeline.inference.sessions import CUDA, wanted_providers
from pipeline.media.tesseract import installed_languages, read_line

cv2.setNumThreads(1)

SIDE = 960
"""Pixels of the longest side that the detector sees (media-facts: no word is lost there); smaller pictures stay so."""
_MOST_SIDE, _LEAST_SIDE = 2000, 32
"""Pixels of a side of what lines are cut out of: RapidOCR's own limit, and the detector's smallest picture."""
OTHER_SCRIPTS = {
    "kor": "Korean",
    "rus": "Cyrillic",
    "ukr": "Cyrillic",
    "bul": "Cyrillic",
    "ell": "Greek",
    "ara": "Arabic",
    "fas": "Arabic",
    "heb": "Hebrew",
    "hin": "Devanagari",
    "tha": "Thai",
}
"""Tesseract's languages in scripts that the recogniser in the wheel has no letters for, or for Greek no words."""

_DETECTOR, _RECOGNISER = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
_SURE = 0.7
"""Of a line, the mean of its letters' scores. RapidOCR's default is 0.5; of the seven lines that it reads in the
given pictures at 0.5 to 0.7 six are roof tiles, symbols and the like."""
_FOREIGN_SURE = 0.5
_MOST_FOREIGN = 4
"""Lines of a picture that are tried in other scripts, the largest: each costs 0.1 to 0.2 s for each language."""
_FOREIGN_ROWS = 14
"""Height in pixels from which Tesseract can read a line of a scene at all."""
_OTHER_ROWS = 64
_FOREIGN_SHARE = 0.6
"""Share of a line's letters that the recogniser must not have, for the other engine to be believed."""


@dataclass(frozen=True, slots=True)
class RapidReader:
    """`pipeline.ports.TextReader` by RapidOCR: Latin, Chinese and Japanese, printed, in any scene, upright.

    What its detector takes for text and its recogniser cannot read is given to Tesseract where that has a language in
    another script, such as Korean. All readers and threads of a process share one engine, loaded on first use.
    """

    def unavailable(self) -> str | None:
        """Why no text can be read, with the command that fixes it; None when the wheel and its weights are there."""
        found = importlib.util.find_spec("rapidocr")
        if found is None or found.origin is None:
            return "RapidOCR is not installed: run `pip install rapidocr`"
        missing = [name for name in (_DETECTOR, _RECOGNISER) if not (_folder(found.origin) / name).is_file()]
        if missing:
            return f"RapidOCR came without {', '.join(missing)}: install the version that requirements.lock names"
        if importlib.util.find_spec("onnxruntime") is None:
            return "RapidOCR needs ONNX Runtime: run `pip install onnxruntime`"
        return None

    def read(self, pixels: NDArray[np.uint8]) -> tuple[TextResult, ...]:
        """The lines of a picture, from the top; raises `CapabilityUnavailable`."""
        reason = self.unavailable()
        if reason is not None:
            raise CapabilityUnavailable(reason)
        return _engine().read(pixels)


def unread_scripts() -> dict[str, str]:
    """The scripts that nothing installed here can read, each with the command that changes it."""
    installed = installed_languages()
    readable = {script for language, script in OTHER_SCRIPTS.items() if language in installed}
    base = "" if installed else "tesseract-ocr "
    return {
        script: f"run `apt-get install {base}tesseract-ocr-{language}`"
        for language, script in reversed(OTHER_SCRIPTS.items())
        if script not in readable
    }


class _Engine:
    """RapidOCR itself, loaded; its parts keep nothing between calls, so threads share them."""

    def __init__(self) -> None:
        import rapidocr  # 0.7 s, and most processes read no text

        engine: Any = rapidocr.RapidOCR  # its types are not kept up
        self._rapid = engine(params=_parameters(_folder(rapidocr.__file__)))
        self._rapid._load_det_model()
        self._rapid._load_rec_model()
        self._letters: frozenset[str] = frozenset(self._rapid.text_rec.postprocess_op.dict)

    def read(self, pixels: NDArray[np.uint8]) -> tuple[TextResult, ...]:
        pixels = _scaled(pixels)
        height, width = pixels.shape[:2]
        crops, corners = self._found(pixels)
        if not crops:
            return ()
        read = self._rapid.recognize_txt(crops)
        lines = [
            TextResult(str(text).strip(), float(score), box=_box(where, width, height))
            for text, score, where in zip(read.txts, read.scores, corners, strict=True)
        ]
        self._read_foreign(lines, crops)
        return tuple(line for line in lines if line.text and line.confidence >= _SURE)

    def _found(self, pixels: NDArray[np.uint8]) -> tuple[list[NDArray[np.uint8]], NDArray[np.float32]]:
        """The lines cut out upright, BGR, and their corners in pixels of the picture, (lines, 4, 2)."""
        from rapidocr.main import RapidOCRError
        from rapidocr.utils.process_img import map_boxes_to_original

        bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        below, right = (max(0, _LEAST_SIDE - side) for side in pixels.shape[:2])
        bgr = cv2.copyMakeBorder(bgr, 0, below, 0, right, cv2.BORDER_REPLICATE)
        picture, record = self._rapid.preprocess_img(bgr)
        try:
            crops, found = self._rapid.detect_and_crop(picture, record)
        except RapidOCRError:  # its way to say that there is no text
            return [], np.empty((0, 4, 2), np.float32)
        corners = map_boxes_to_original(found.boxes, record, *bgr.shape[:2])
        return crops, np.asarray(corners, np.float32)

    def _read_foreign(self, lines: list[TextResult], crops: Sequence[NDArray[np.uint8]]) -> None:
        """Lines that made no sense are what another engine reads in them, where it is sure of another script."""
        languages = [language for language in OTHER_SCRIPTS if language in installed_languages()]
        if not languages:
            return
        unread = [at for at, line in enumerate(lines) if not line.text or line.confidence < _SURE]
        unread = [at for at in unread if crops[at].shape[0] >= _FOREIGN_ROWS and crops[at].shape[1] >= _FOREIGN_ROWS]
        for at in sorted(unread, key=lambda at: -crops[at].size)[:_MOST_FOREIGN]:
            crop = np.ascontiguousarray(crops[at][..., ::-1])
            confidence, text, language = max((*read_line(crop, language)[::-1], language) for language in languages)
            if confidence < _FOREIGN_SURE or not self._is_foreign(text):
                continue
            # Noise is read otherwise in every size, what is written is not.
            again, _ = read_line(crop, language, rows=_OTHER_ROWS)
            if again.replace(" ", "") == text.replace(" ", ""):
                lines[at] = TextResult(text, confidence, box=lines[at].box)

    def _is_foreign(self, text: str) -> bool:
        letters = [letter for letter in text if letter.isalpha()]
        return sum(letter not in self._letters for letter in letters) >= max(1, _FOREIGN_SHARE * len(letters))


_engines: list[_Engine] = []
_lock = threading.Lock()


def _engine() -> _Engine:
    """The process's one engine; loaded by the first thread that asks."""
    with _lock:
        if not _engines:
            _engines.append(_Engine())
        return _engines[0]


def _folder(origin: str) -> Path:
    return Path(origin).parent / "models"


def _parameters(models: Path) -> dict[str, object]:
    """RapidOCR's settings; given the paths of its own files it never fetches any, and at this log level it is mute."""
    return {
        "Global.use_cls": False,
        "Global.use_preprocess_img": False,
        "Global.log_level": "critical",
        "Global.text_score": 0.0,
        "Det.model_path": str(models / _DETECTOR),
        "Det.limit_type": "max",
        "Det.limit_side_len": SIDE,
        "Rec.model_path": str(models / _RECOGNISER),
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        "EngineConfig.onnxruntime.use_cuda": CUDA in wanted_providers(),
        # Every line has a size of its own, and an exhaustive search for each takes longer than reading it.
        "EngineConfig.onnxruntime.cuda_ep_cfg.cudnn_conv_algo_search": "HEURISTIC",
    }


def _scaled(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture with at most `_MOST_SIDE` pixels a side; RapidOCR's own scaling fails on very long ones."""
    height, width = pixels.shape[:2]
    scale = _MOST_SIDE / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _box(corners: NDArray[np.float32], width: int, height: int) -> Box:
    corners = np.clip(corners, 0, (width, height))
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return Box(float(left / width), float(top / height), float((right - left) / width), float((bottom - top) / height))
