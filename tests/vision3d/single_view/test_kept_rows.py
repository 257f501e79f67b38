"""Kept rows against what was made, in whole, damaged and foreign files."""

import numpy as np

from jaxdl.vision3d.single_view.kept_rows import kept_rows

ROWS = {"train": {"a": np.arange(600.0)}, "test": {"a": np.arange(3), "b": np.ones((3, 2), bool)}}


def test_what_is_kept_is_read_again_and_made_again_where_it_is_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE_DIR", str(tmp_path))
    made = []

    def make():
        made.append(1)
        return ROWS

    def same(options):
        got = kept_rows("kind", options, make)
        for role, rows in ROWS.items():
            assert got[role].keys() == rows.keys()
            for name, value in rows.items():
                np.testing.assert_array_equal(got[role][name], value)
                assert got[role][name].dtype == value.dtype
        return len(made)

    assert [same((1, "x")), same((1, "x")), same((2, "x"))] == [1, 1, 2]
    path = max((tmp_path / "kind").iterdir(), key=lambda p: p.stat().st_mtime_ns)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", whole[:300] + b"?" + whole[301:], b"no zip"):
        path.write_bytes(damaged)
        before = len(made)
        assert same((2, "x")) == before + 1
        assert path.read_bytes()[:4] == whole[:4]
