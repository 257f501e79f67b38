"""Modules of jaxdl without a test of their own name: the test that judges them, or why none."""

JUDGED_BY: dict[str, str] = {}
UNTESTED: dict[str, str] = {}
