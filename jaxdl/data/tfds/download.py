"""The first download of a set of tensorflow-datasets, without TensorFlow where that is possible."""

import shutil
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from jaxdl.checks import DataError

SECONDS = 3.0  # in which a host must answer


def prepare_set(builder: Any) -> Path:
    """Downloads and prepares as array_record; returns the prepared folder.

    Raises DataError, with nothing left behind, where there is no network, or where the builder
    needs TensorFlow.
    """
    check_network(builder)
    import tensorflow_datasets as tfds

    root = Path(builder.data_dir)
    try:
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(try_download_gcs=False)
        )
    except Exception as error:
        for left in root.parent.glob(f"{root.name}.incomplete*"):
            shutil.rmtree(left, ignore_errors=True)
        raise _explain(builder.name, str(root), error) from error
    return root


def find_builder(name: str, root: Path) -> Any:
    """The builder of a set that is not prepared yet, for array_record files."""
    import tensorflow_datasets as tfds

    try:
        return tfds.builder(name, data_dir=str(root), file_format="array_record")
    except Exception as error:
        raise _explain(name, str(root), error) from error


def check_network(builder: Any) -> None:
    """Raises DataError within seconds where the host of the set's files cannot be reached."""
    hosts = [urlparse(url).hostname for url in builder.url_infos or ()]
    host = next((host for host in hosts if host), None)
    if host is None:
        return  # it needs no files, or does not say which
    try:
        socket.create_connection((host, 443), SECONDS).close()
    except OSError as error:
        raise DataError(
            f"data set {builder.name!r} cannot be downloaded: {host} is not reached ({error}); "
            f"prepare it where there is a network and copy it to {builder.data_dir}"
        ) from None


def command_of(name: str, root: Path) -> str:
    """What prepares a set in a shell."""
    code = (
        f"import tensorflow_datasets as tfds; tfds.builder({name!r}, data_dir={str(root)!r}, "
        "file_format='array_record').download_and_prepare()"
    )
    return f'python -c "{code}"'


def _explain(name: str, where: str, error: Exception) -> DataError:
    text = " ".join(str(error).split())[:120]
    if isinstance(error, DataError):
        return error
    # Builders whose module imports TensorFlow (ucf101) are unknown to tfds without it.
    hidden = type(error).__name__ == "DatasetNotFoundError" and not find_spec("tensorflow")
    if "tensorflow" in text.lower() or isinstance(error, ImportError) or hidden:
        root = Path(where)
        return DataError(
            f"data set {name!r} needs TensorFlow to be prepared ({text}); run once: "
            f'pip install "jaxdl[tf]" && {command_of(name, root)}'
        )
    return DataError(f"data set {name!r} cannot be prepared in {where}: {text}")
