"""The version that is installed."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("darkroom")
except PackageNotFoundError:  # a checkout on PYTHONPATH that was never installed
    VERSION = "0+checkout"
