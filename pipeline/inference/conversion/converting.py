"""Which conversion a model needs, and that its result is the model of the catalog."""

from collections.abc import Callable, Mapping
from pathlib import Path

import onnx
from onnx import ModelProto

from pipeline.errors import OperatorError
from pipeline.inference.conversion import face_api, keras_layers, ncnn, tflite
from pipeline.inference.entries import Conversion, ModelEntry
from pipeline.inference.graphs import digest_of


def convert(entry: ModelEntry, folder: Path) -> None:
    """The ONNX file of the entry lies in the models folder, made of the verified originals that lie there.

    It is written only if it computes what the catalog says, to the last weight; raises `OperatorError` otherwise.
    """
    if entry.file is None or entry.source is None:
        raise OperatorError(f"The model {entry.name} has no ONNX form.")
    if entry.conversion.by not in _CONVERSIONS:
        raise OperatorError(
            f"{entry.name} was published as a {entry.conversion.by} checkpoint, which is not converted here: pull its "
            f"ONNX form ({entry.file.path}) with `darkroom models pull {entry.name} --from FOLDER|URL`."
        )
    originals = {Path(each.name).name: folder / each.name for each in entry.source.files}
    model = _CONVERSIONS[entry.conversion.by](originals, entry.conversion)
    if digest_of(model) != entry.file.graph:
        raise OperatorError(
            f"{entry.name}: what the conversion by {entry.conversion.by} made computes something else than the catalog "
            "says, so it was thrown away. Another version of the converter may do that: pull the ONNX form with --from."
        )
    _write(model, folder / entry.file.path)


def _write(model: ModelProto, target: Path) -> None:
    part = target.with_name(f"{target.name}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, str(part))
        part.replace(target)
    except OSError as error:
        raise OperatorError(f"{target} cannot be written ({error}): name a folder that you may write to.") from error


def _tfjs(originals: Mapping[str, Path], conversion: Conversion) -> ModelProto:
    (description,) = (path for name, path in originals.items() if name.endswith(".json"))
    (weights,) = (path for name, path in originals.items() if not name.endswith(".json"))
    networks = {"age_gender": face_api.convert, "keras_layers": keras_layers.convert}
    return networks[str(conversion.options["network"])](description, weights)


def _ncnn(originals: Mapping[str, Path], conversion: Conversion) -> ModelProto:
    options = conversion.options
    shape = [int(side) if side.isdigit() else side for side in str(options["shape"]).split(",")]
    return ncnn.convert(originals[str(options["parameters"])], originals[str(options["weights"])], shape=shape)


def _tflite(originals: Mapping[str, Path], conversion: Conversion) -> ModelProto:
    options = conversion.options
    renamed = {role: str(name) for role, name in options.items() if role in ("input", "output")}
    original = originals[str(options["original"])]
    return tflite.convert(original, float_activations=bool(options["float_activations"]), renamed=renamed)


_CONVERSIONS: Mapping[str, Callable[[Mapping[str, Path], Conversion], ModelProto]] = {
    "tfjs": _tfjs,
    "ncnn": _ncnn,
    "tflite": _tflite,
}
