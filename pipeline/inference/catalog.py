"""The models this project knows: where they come from, under which licence, and what they take and give."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model, by content. `path` is relative to the folder or the repository it lies in."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where the weights were published. `original` is the file there; `conversion` says how ours was made of it."""

    repository: str
    commit: str
    original: tuple[ModelFile, ...]
    conversion: str


@dataclass(frozen=True, slots=True)
class ModelLicence:
    """What the weights may be used under, and what a careful user should know besides."""

    spdx: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One float32 tensor. A word in the shape is a size that the caller chooses."""

    name: str
    shape: tuple[int | str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model. `file` is the ONNX file, relative to the folder that DARKROOM_MODELS names."""

    name: str
    task: str
    source: ModelSource
    licence: ModelLicence
    file: ModelFile
    input: TensorSpec
    output: TensorSpec


_NIMA_REPOSITORY = "MichaelLedger/image-quality-assessment-exercise"
_NIMA_COMMIT = "516218c708c4cc8fb717c5bbdc99310cea764b25"
_NIMA_FOLDER = "TensorFlow-Lite-implementation-of-Google-NIMA"
_NIMA_CONVERSION = (
    "tf2onnx 1.17 --tflite --dequantize --opset 13, then the DynamicQuantizeLinear pairs on activations removed "
    "and input and output renamed"
)
_NIMA_INPUT = TensorSpec("input", ("N", 224, 224, 3), "RGB, x / 127.5 - 1, resized by nearest neighbour")
_NIMA_OUTPUT = TensorSpec("probs", ("N", 10), "share of each score 1..10; the sum of score times share is the result")

NIMA_TECHNICAL = ModelEntry(
    name="nima_technical",
    task="technical quality",
    source=ModelSource(
        repository=_NIMA_REPOSITORY,
        commit=_NIMA_COMMIT,
        original=(
            ModelFile(
                f"{_NIMA_FOLDER}/technical_model.tflite",
                "c5ed895dcd58ac0e23b9057118c184cd3a9ee78182547ac8ebaf7492ab9f52f2",
            ),
        ),
        conversion=_NIMA_CONVERSION,
    ),
    licence=ModelLicence("Apache-2.0", ("trained on TID2013, a research data set",)),
    file=ModelFile(
        "quality/nima_mobilenet/nima_mobilenet_technical.onnx",
        "f0d2c6d08f146a6f5af308e71be28990f72e43778430d5183223435361e70765",
    ),
    input=_NIMA_INPUT,
    output=_NIMA_OUTPUT,
)

NIMA_AESTHETIC = ModelEntry(
    name="nima_aesthetic",
    task="aesthetic quality",
    source=ModelSource(
        repository=_NIMA_REPOSITORY,
        commit=_NIMA_COMMIT,
        original=(
            ModelFile(
                f"{_NIMA_FOLDER}/aesthetic_model.tflite",
                "fb110d0f14deab549e14b5ac9a89218b31aeb369ee4b98407e4e74f2d768739f",
            ),
        ),
        conversion=_NIMA_CONVERSION,
    ),
    licence=ModelLicence("Apache-2.0", ("trained on AVA: the pictures belong to their photographers",)),
    file=ModelFile(
        "quality/nima_mobilenet/nima_mobilenet_aesthetic.onnx",
        "698a58f2f46a9beddacbc8c473274f5c6e1cd97092393c8af890ed2dd0e8157d",
    ),
    input=_NIMA_INPUT,
    output=_NIMA_OUTPUT,
)

LOWLIGHT = ModelEntry(
    name="lowlight",
    task="brighten dark pictures",
    source=ModelSource(
        repository="cuiziteng/Illumination-Adaptive-Transformer",
        commit="c76472265247f47cea57649af28b15018bb64cb1",
        original=(
            ModelFile(
                "IAT_enhance/best_Epoch_lol_v1.pth",
                "6fb32236152283d3f3633ea1b79601c7e819efbf9d87d6b4767e1db0f1f3435b",
            ),
        ),
        conversion=(
            "torch.onnx.export, opset 17, free height and width, the loop over colour matrix and gamma of each "
            "picture written as einsum"
        ),
    ),
    licence=ModelLicence("Apache-2.0", ("trained on LOL-v1, a research data set",)),
    file=ModelFile(
        "lowlight/iat/iat_lol_v1.onnx",
        "446c76b19871f32eb809558dbd7d1a7da52cf68465baa383278dbb95fd41c40b",
    ),
    input=TensorSpec("input", (1, 3, "H", "W"), "RGB, 0..1"),
    output=TensorSpec("output", (1, 3, "H", "W"), "RGB, 0..1, as bright as by day"),
)
"""IAT's weights for dark pictures: natural colours where SCI washes out. Never for pictures that are not dark."""

SUPERRES = ModelEntry(
    name="superres",
    task="twice the size",
    source=ModelSource(
        repository="nihui/waifu2x-ncnn-vulkan",
        commit="64914665c45893135c9e50c1c296170a121b9f77",
        original=(
            ModelFile(
                "models/models-upconv_7_photo/scale2.0x_model.bin",
                "25a2bb25b29e43e63179aac216cd87690791243a436328506d4ef9fca88ee962",
            ),
            ModelFile(
                "models/models-upconv_7_photo/scale2.0x_model.param",
                "413195ffde05b4d43807792c6c020c916cecdf25dcf002ee83f5e28d5cc246c6",
            ),
        ),
        conversion="ncnn fp16 weights written as float32 ONNX: six convolutions with leaky ReLU, one deconvolution",
    ),
    licence=ModelLicence("MIT"),
    file=ModelFile(
        "superres/waifu2x_upconv7_photo/upconv7_photo_scale2.0x.onnx",
        "bbcfad50b85984d3661385e22b3a45dd0471ed6559ff0122a2251b20fc206f6f",
    ),
    input=TensorSpec("input", (1, 3, "H", "W"), "RGB, 0..1, with 7 reflected pixels on each side"),
    output=TensorSpec("output", (1, 3, "2(H-14)", "2(W-14)"), "RGB, about 0..1"),
)

CATALOG: dict[str, ModelEntry] = {entry.name: entry for entry in (NIMA_TECHNICAL, NIMA_AESTHETIC, LOWLIGHT, SUPERRES)}
