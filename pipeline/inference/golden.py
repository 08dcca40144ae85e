"""Makes golden.yaml: `python -m pipeline.inference.golden FOLDER > pipeline/inference/golden.yaml`.

To be run where the weights in FOLDER are verified and ONNX Runtime is on the CPU, when a model is added or exchanged.
"""

import platform
import sys
from pathlib import Path
from typing import Any

import onnxruntime
import yaml

from pipeline.inference.catalog import builtin_catalog
from pipeline.inference.checking import measured
from pipeline.inference.registry import OnnxModels


def golden_text(folder: Path) -> str:
    """The content of golden.yaml for the weights in this folder; raises `CapabilityUnavailable` where some miss."""
    models = OnnxModels(folder)
    values: dict[str, Any] = {
        entry.name: measured(models, entry) for entry in builtin_catalog() if entry.network and not entry.own
    }
    made = f"onnxruntime {onnxruntime.__version__} on the CPU, {platform.machine()}"
    about = (
        "# What each model gives for the picture of samples.py: for each output 16 numbers at even distances over it,\n"
        "# then mean, least and greatest. Made by `python -m pipeline.inference.golden FOLDER`.\n"
    )
    return about + yaml.safe_dump({"made": made, "models": values}, sort_keys=True, default_flow_style=None, width=118)


if __name__ == "__main__":
    print(golden_text(Path(sys.argv[1])), end="")
