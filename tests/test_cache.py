"""Folders outside the checkout: the argument, else the environment, else the home folder."""

import os
import pwd
import tempfile
from pathlib import Path

import pytest

from jaxdl.cache import cache_dir, data_dir, expand
from jaxdl.checks import UsageError


def test_an_argument_goes_before_the_environment_and_that_before_home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.delenv("JAXDL_CACHE_DIR", raising=False)
    assert data_dir() == Path("/home/someone/tensorflow_datasets")
    assert cache_dir() == Path("/home/someone/.cache/jaxdl")
    monkeypatch.setenv("TFDS_DATA_DIR", "~/sets")
    monkeypatch.setenv("JAXDL_CACHE_DIR", "~/cache")
    assert data_dir() == Path("/home/someone/sets")
    assert cache_dir() == Path("/home/someone/cache")
    assert data_dir("/other") == Path("/other")


def test_a_user_without_a_home_gets_a_folder_that_is_nobody_elses(tmp_path, monkeypatch):
    def nobody(uid):
        raise KeyError(uid)

    for name in ("HOME", "JAXDL_CACHE_DIR", "TFDS_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    home = tmp_path / f"jaxdl-{os.getuid()}"
    assert cache_dir() == home / ".cache" / "jaxdl"
    assert home.stat().st_mode & 0o777 == 0o700
    assert data_dir() == home / "tensorflow_datasets"
    with pytest.raises(UsageError, match="~/sets: .*Set HOME"):
        expand("~/sets")
    home.chmod(0o777)
    with pytest.raises(UsageError, match="is not this user's alone; set HOME"):
        cache_dir()
    home.rmdir()
    home.symlink_to(tmp_path)
    with pytest.raises(UsageError, match="is not this user's alone"):
        cache_dir()
