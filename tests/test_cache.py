"""Folders outside the checkout: the argument, else the environment, else the home folder."""

from pathlib import Path

from jaxdl.cache import cache_dir, data_dir


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
