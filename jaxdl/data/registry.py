"""Every data set by name: the one place that tells the kinds of sources apart."""

from jaxdl.data.config import DataConfig, OwnData, SyntheticData, TfdsData
from jaxdl.data.digits import open_digits
from jaxdl.data.files.open import open_own
from jaxdl.data.source import Dataset
from jaxdl.data.synthetic.registry import open_synthetic
from jaxdl.data.tfds.open import open_tfds


def open_dataset(cfg: DataConfig, fields: tuple[str, ...] = ()) -> Dataset:
    """The set that `cfg` names. `fields`: what an experiment needs of a row (default: all)."""
    match cfg:
        case TfdsData():
            return open_tfds(cfg)
        case SyntheticData():
            return open_synthetic(cfg, fields)
        case OwnData():
            return open_own(cfg)
    return open_digits()
