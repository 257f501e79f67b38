"""Worked examples of prompts, and bits by base-2 logarithms."""

import math

import pytest

from jaxdl.language.text_sample import SampleConfig, as_text, bits, prompt_ids

VOCABULARY = ("\n", "a", "b", "c")


@pytest.mark.parametrize(
    ("prompt", "ids"), [("cab", [3, 1, 2]), ("cxab!", [3, 1, 2]), ("xyz", [0]), ("", [0])]
)
def test_a_prompt_keeps_what_the_vocabulary_has(prompt, ids):
    assert prompt_ids(prompt, VOCABULARY) == ids
    assert as_text(ids, VOCABULARY) in (prompt.replace("x", "").replace("!", ""), "\n")


def test_a_chance_of_an_eighth_is_three_bits():
    assert bits(-math.log(1 / 8)) == pytest.approx(-math.log2(1 / 8)) == pytest.approx(3)


def test_a_sample_is_drawn_as_it_says():
    assert SampleConfig(temperature=0.5, top_k=3, top_p=0.9).options == {
        "temperature": 0.5,
        "top_k": 3,
        "top_p": 0.9,
    }
