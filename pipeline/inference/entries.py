"""What the catalog says of a model: where it comes from, what it may be used for, how it is fed and read."""

from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

TASKS = (
    "face_detection",
    "face_embedding",
    "face_attributes",
    "objects",
    "objects_fast",
    "image_tags",
    "nudity",
    "technical_quality",
    "aesthetic_quality",
    "low_light",
    "super_resolution",
)
"""What the product asks models for. An entry for anything else would never be asked."""


PUBLIC_HOST = "https://raw.githubusercontent.com"


class Role(StrEnum):
    DEFAULT = "default"
    """Serves its task. Where one of the operator's own does, ours of the same task no longer do."""
    BESIDE = "beside"
    """Serves its task together with the default."""
    RUNNER_UP = "runner_up"
    """Is there to be chosen by name."""


def _inside(path: str) -> str:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path:
        raise ValueError("must be a path below the models folder, with / between its parts")
    return path


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
RelativePath = Annotated[str, Field(min_length=1), AfterValidator(_inside)]
Triple = tuple[float, float, float]
Side = Annotated[int, Field(ge=1, le=8192)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Original(_Value):
    """A file as it was published: `path` in the repository, `name` in the models folder."""

    path: RelativePath
    name: RelativePath
    sha256: Sha256


class Source(_Value):
    """Where the weights were published. `licence_of` names the repository whose licence they carry, if another."""

    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    files: tuple[Original, ...] = Field(min_length=1)
    licence_of: str | None = None

    def url(self, original: Original, *, host: str = PUBLIC_HOST) -> str:
        """The public address of the file's bytes at this commit."""
        return f"{host}/{self.repository}/{self.commit}/{original.path}"


class Licence(_Value):
    """What the weights may be used under, and what a careful user should know besides."""

    spdx: str
    flags: tuple[str, ...] = ()


class Weights(_Value):
    """The ONNX file, relative to the models folder.

    `sha256` is that of the given file; `graph` that of what it computes (`pipeline.inference.graphs`), so that a file
    which was converted elsewhere, or saved by another version of `onnx`, is known to be the same. An operator's own
    entry may leave both out: then the file is taken as it is.
    """

    path: RelativePath
    sha256: Sha256 | None = None
    graph: Sha256 | None = None


class Conversion(_Value):
    """How the ONNX form is made. `published`: the original is ONNX. `torch`: not here, only the ONNX form is read."""

    by: Literal["published", "tfjs", "ncnn", "tflite", "torch"]
    how: str = ""
    options: dict[str, str | int | bool] = {}


class Input(_Value):
    """What the network takes, and how a picture becomes that: x / divide_by, less mean, over std, in `color` order.

    `size` is (height, width). Resizing: `squash` to the size; `nearest` the same by nearest neighbour; `center_crop`
    the shorter side to `short_side`, then the middle; `letterbox` the whole picture inside, the rest `pad`; `free`
    as it is, at most `longest_side`, filled with `pad` to a multiple of `multiple` (then `size` is for `check`).
    """

    tensor: str
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    dtype: Literal["float32", "uint8"] = "float32"
    size: tuple[Side, Side]
    resize: Literal["squash", "nearest", "center_crop", "letterbox", "free"] = "squash"
    short_side: Side | None = None
    longest_side: Side | None = None
    multiple: Annotated[int, Field(ge=1, le=256)] = 1
    anchor: Literal["center", "top_left"] = "center"
    pad: Annotated[int, Field(ge=0, le=255)] = 0
    color: Literal["RGB", "BGR"] = "RGB"
    divide_by: Annotated[float, Field(gt=0)] = 1.0
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.resize == "center_crop" and (self.short_side or 0) < max(self.size):
            raise ValueError("resize center_crop needs short_side, at least as large as both sides of size")
        if 0.0 in self.std:
            raise ValueError("std must not be 0: the input is divided by it")
        if self.dtype == "uint8" and (self.divide_by, self.mean, self.std) != (1.0, (0.0,) * 3, (1.0,) * 3):
            raise ValueError("dtype uint8 takes pixels as they are: leave out divide_by, mean and std")
        return self


class Output(_Value):
    """One tensor that the network gives. A word in the shape is a size that depends on the input."""

    tensor: str
    shape: tuple[int | str, ...]
    meaning: str


class Classes(_Value):
    """One number per label."""

    kind: Literal["classes"]
    activation: Literal["none", "softmax", "sigmoid"] = "none"
    divide_by: Annotated[float, Field(gt=0)] = 1.0
    """255 where the output is a quantised probability."""


class Yolox(_Value):
    """[1, P, 5 + labels]: offsets from grid cells, log sizes, objectness and scores, both already sigmoid."""

    kind: Literal["yolox"]
    strides: tuple[int, ...] = (8, 16, 32)


class Nanodet(_Value):
    """[1, P, labels + 4 x bins]: scores, then for each side of the box a distribution over `bins` strides."""

    kind: Literal["nanodet"]
    strides: tuple[int, ...] = (8, 16, 32, 64)
    bins: Annotated[int, Field(ge=2, le=64)] = 8


class Yolo(_Value):
    """[1, 4 + labels, P] as YOLOv8 and its successors export it: centre and size in input pixels, then scores."""

    kind: Literal["yolo"]


class Boxes(_Value):
    """[N, 6] or [1, N, 6]: left, top, right, bottom in input pixels, score, index of the label."""

    kind: Literal["boxes"]


class Custom(_Value):
    """Read by the stage that asks for it: neither a classifier nor a detector to others."""

    kind: Literal["custom"]
    by: str = ""


Decoder = Annotated[Classes | Yolox | Nanodet | Yolo | Boxes | Custom, Field(discriminator="kind")]
DETECTORS = (Yolox, Nanodet, Yolo, Boxes)


class Labels(_Value):
    """What the outputs are called: a list here, a list of ours (`builtin`), or a text file with one name in a line."""

    names: tuple[str, ...] = ()
    builtin: Literal["coco"] | None = None
    file: RelativePath | None = None
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if sum((bool(self.names), self.builtin is not None, self.file is not None)) != 1:
            raise ValueError("must name exactly one of: names, builtin, file")
        return self


class ModelEntry(_Value):
    """One model of the catalog. Brisque alone is none: its `network` is false, and it has no ONNX form."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    task: str
    role: Role
    title: str = ""
    network: bool = True
    source: Source | None = None
    licence: Licence = Licence(spdx="own")
    file: Weights | None = None
    conversion: Conversion = Conversion(by="published")
    input: Input | None = None
    outputs: tuple[Output, ...] = ()
    decoder: Decoder = Custom(kind="custom")
    labels: Labels | None = None
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Detections below are left out. Of classes all are given: what is enough, the stage knows."""
    overlap: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Of two boxes of one label with more than this IoU the surer one stays."""
    accuracy: str = ""
    verdict: str = ""
    own: bool = False
    """It stands in the operator's catalog, not in ours."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.task not in TASKS:
            raise ValueError(f"task {self.task!r} is asked by nobody: known are {', '.join(TASKS)}")
        if self.network and (self.file is None or self.input is None):
            raise ValueError("a network needs file and input")
        if not isinstance(self.decoder, Custom) and self.labels is None:
            raise ValueError(f"decoder {self.decoder.kind} needs labels")
        return self

    @property
    def folder(self) -> PurePosixPath:
        """Where its files lie in the models folder."""
        if self.file is not None:
            return PurePosixPath(self.file.path).parent
        return PurePosixPath(self.source.files[0].name).parent if self.source else PurePosixPath()
