"""The engine that reads text, as the setting names it."""

from pipeline.ports import TextReader


def reader_of(words: str) -> TextReader:
    """`rapidocr`, or `tesseract` with its languages after a colon; nothing is loaded before something is read."""
    engine, _, languages = words.partition(":")
    if engine == "tesseract":
        from pipeline.media.tesseract import TesseractReader

        return TesseractReader(tuple(languages.split("+"))) if languages else TesseractReader()
    from pipeline.inference.text_reading import RapidReader

    return RapidReader()
