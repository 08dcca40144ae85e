"""Bringing a model's files into the models folder: as published and converted, or in the ONNX form from elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit

from pipeline.errors import OperatorError
from pipeline.inference.conversion import convert
from pipeline.inference.downloads import Absent, Told, copy, download
from pipeline.inference.entries import PUBLIC_HOST, ModelEntry
from pipeline.inference.weights import State, is_weights, state_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where files come from: a folder, or the address of one, laid out as the models folder or flat.

    None of both is the public source of each model.
    """

    folder: Path | None = None
    url: str | None = None

    @classmethod
    def of(cls, text: str | None) -> "Place":
        """The place that `--from` names; raises `OperatorError` where there is none."""
        if text is None:
            return cls()
        if urlsplit(text).scheme in ("http", "https"):
            return cls(url=text.rstrip("/"))
        folder = Path(text)
        if not folder.is_dir():
            raise OperatorError(f"--from {text}: there is no such folder, and it is no http(s) address.")
        return cls(folder=folder)

    @property
    def is_public(self) -> bool:
        return self.folder is None and self.url is None

    def __str__(self) -> str:
        return str(self.folder or self.url or "its public source")


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came of one model: "present" before, "onnx" fetched in that form, "converted" here, or "original"."""

    name: str
    how: str
    files: tuple[str, ...]


@dataclass(slots=True)
class Puller:
    """Brings models of the catalog into `folder`. `told` hears of each file's bytes: name, so many, of so many."""

    folder: Path
    place: Place = field(default_factory=Place)
    told: Callable[[str, int, int | None], None] = lambda name, done, total: None
    public_host: str = PUBLIC_HOST

    def pull(self, entry: ModelEntry) -> Pulled:
        """The model's files are there and verified; raises `OperatorError` with the file and the way out."""
        if entry.own:
            raise OperatorError(f"{entry.name} stands in your own catalog: put its files into {self.folder} yourself.")
        if state_of(entry, self.folder) is State.VERIFIED:
            return Pulled(entry.name, "present", ())
        if entry.file is None:
            return Pulled(entry.name, "original", self._originals(entry))
        if not self.place.is_public and self._onnx_form(entry):
            return Pulled(entry.name, "onnx", (entry.file.path, *self._labels(entry)))
        self._refuse_what_cannot_be_made(entry)
        names = self._originals(entry)
        if entry.conversion.by == "published":
            return Pulled(entry.name, "original", names)
        convert(entry, self.folder)
        return Pulled(entry.name, "converted", (entry.file.path, *names))

    def _refuse_what_cannot_be_made(self, entry: ModelEntry) -> None:
        if entry.conversion.by != "torch" or entry.file is None:
            return
        where = "" if self.place.is_public else f" {self.place} has no {entry.file.path}."
        raise OperatorError(
            f"{entry.name} was published as a PyTorch checkpoint, which is not converted here.{where} Only its ONNX "
            f"form can be pulled: `darkroom models pull {entry.name} --from FOLDER|URL`, from a place that holds "
            f"{entry.file.path}."
        )

    def _onnx_form(self, entry: ModelEntry) -> bool:
        """Whether the place had it. A file of another content is an error: better none than one that is not known."""
        assert entry.file is not None  # noqa: S101 - `pull` looked
        target = self.folder / entry.file.path
        checked = target.with_name(f"{target.name}.unchecked")
        if not self._fetched(entry.file.path, checked, None, alternatives=()):
            return False
        try:
            if not is_weights(checked, entry.file):
                raise OperatorError(
                    f"{entry.file.path} at {self.place} is not the model {entry.name}: neither its sha256 nor what it "
                    "computes is that of the catalog. Name another source, or leave out --from."
                )
            checked.replace(target)
        finally:
            checked.unlink(missing_ok=True)
        return True

    def _labels(self, entry: ModelEntry) -> tuple[str, ...]:
        """Labels come as one of the originals: where weights are fetched in the ONNX form, they are fetched too."""
        if entry.labels is None or entry.labels.file is None:
            return ()
        return self._originals(entry, only=entry.labels.file)

    def _originals(self, entry: ModelEntry, *, only: str | None = None) -> tuple[str, ...]:
        if entry.source is None:
            raise OperatorError(f"The catalog names no source for {entry.name}.")
        wanted = [each for each in entry.source.files if only in (None, each.name)]
        for original in wanted:
            target = self.folder / original.name
            if self.place.is_public:
                download(
                    entry.source.url(original, host=self.public_host),
                    target,
                    original.sha256,
                    self._telling(original.name),
                )
            elif not self._fetched(original.name, target, original.sha256, alternatives=(original.path,)):
                raise OperatorError(
                    f"{self.place} has neither {original.name} nor the ONNX form of {entry.name}: name another source, "
                    "or leave out --from."
                )
        return tuple(each.name for each in wanted)

    def _fetched(self, name: str, target: Path, sha256: str | None, *, alternatives: Sequence[str]) -> bool:
        for candidate in _candidates(name, alternatives):
            try:
                if self.place.folder is not None:
                    copy(self.place.folder / candidate, target, sha256, self._telling(name))
                else:
                    download(f"{self.place.url}/{quote(candidate)}", target, sha256, self._telling(name))
            except Absent:
                continue
            return True
        return False

    def _telling(self, name: str) -> Told:
        return lambda done, total: self.told(PurePosixPath(name).name, done, total)


def _candidates(name: str, alternatives: Sequence[str]) -> Iterator[str]:
    """Under which paths a place may have the file: ours, its repository's, or its bare name."""
    yield from dict.fromkeys((name, *alternatives, PurePosixPath(name).name))
