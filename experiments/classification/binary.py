"""Two classes by one number, the chance of the second: jaxdl run diabetes_sigmoid, ..."""

from jaxdl.classification.binary import BinaryConfig as Config
from jaxdl.classification.binary import binary_task as build
from jaxdl.cli import main

__all__ = ["Config", "build"]

if __name__ == "__main__":
    main(__file__)
