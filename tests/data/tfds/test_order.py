"""CIFAR-10 in its first order against the labels that its own first batch begins with."""

import os
from pathlib import Path

import numpy as np
import pytest

from jaxdl.checks import DataError, UsageError
from jaxdl.data.tfds.decoded import load_tfds
from jaxdl.data.tfds.order import original_order
from jaxdl.data.tfds.prepared import prepared_version

PREPARED = Path(os.environ.get("TFDS_DATA_DIR", "/nowhere"))
pytestmark = pytest.mark.skipif(
    not (PREPARED / "cifar10").is_dir(), reason="TFDS_DATA_DIR has no prepared cifar10"
)
# cs.toronto.edu/~kriz/cifar.html: frog, truck, truck, deer, ... of data_batch_1
FIRST = [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]


def test_the_first_rows_are_those_of_the_published_file():
    order = original_order(prepared_version("cifar10"), "train")
    labels = load_tfds("cifar10")[0]["train"]["label"]
    np.testing.assert_array_equal(np.sort(order), np.arange(len(labels)))
    np.testing.assert_array_equal(labels[order[:10]], FIRST)


def test_a_set_without_ids_and_other_data_are_refused():
    from experiments.classic.neighbors import Config, first_rows

    with pytest.raises(DataError, match="its rows have no ids"):
        original_order(prepared_version("mnist"), "test")
    with pytest.raises(UsageError, match="whole set of tensorflow-datasets"):
        first_rows(Config(original_order=True), 10)
    np.testing.assert_array_equal(first_rows(Config(fold_rows=7), 5), np.arange(5))
    np.testing.assert_array_equal(first_rows(Config(fold_rows=3), 5), np.arange(3))
