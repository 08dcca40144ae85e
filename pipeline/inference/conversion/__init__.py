"""From weights as they were published to the ONNX form that is run."""

from pipeline.inference.conversion.converting import convert

__all__ = ["convert"]
