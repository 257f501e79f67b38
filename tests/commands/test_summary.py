"""`jaxdl summary`: parameters and multiplications counted by hand."""

import pytest

from jaxdl.checks import UsageError
from jaxdl.commands import summary
from tests.commands.asking import ask


def test_summary_counts_lenet_as_by_hand(capsys):
    assert ask(summary, "digits_lenet") == 0
    out = capsys.readouterr().out
    # 8x8: conv1 5*5*20+20, conv2 5*5*20*50+50, fc 2*2*50*500+500, 500*10+10
    assert f"{520 + 25050 + 100500 + 5010:,}" in out
    # conv1 8*8*20*25, conv2 4*4*50*500, fc 200*500, 500*10
    assert f"{32000 + 400000 + 100000 + 5000:,}" in out


@pytest.mark.parametrize(("size", "first", "count"), [(227, 72_855_552, 7), (64, 5_227_200, 3)])
def test_summary_of_a_model_by_its_name(tmp_path, capsys, size, first, count):
    options = ("--size", size, "--classes", count, "--out", tmp_path / "costs.png")
    assert ask(summary, "alexnet", *options) == 0
    out = capsys.readouterr().out
    side = (size - 11 + 4) // 4 + 1
    assert f"{first:,}" in out
    assert first == side * side * 64 * 3 * 11 * 11
    assert f"{4096 * count + count:,}" in out
    assert (tmp_path / "costs.png").stat().st_size > 1000
    with pytest.raises(UsageError, match="unknown arguments --sise 3"):
        ask(summary, "alexnet", "--sise", 3)


@pytest.mark.parametrize(
    ("name", "near"), [("resnet50x", "resnet50"), ("digit_lenet", "digits_lenet")]
)
def test_near_names_of_configs_and_of_models_are_given(name, near):
    with pytest.raises(UsageError, match=f"there is no '{name}'; did you mean .*{near}"):
        ask(summary, name)
