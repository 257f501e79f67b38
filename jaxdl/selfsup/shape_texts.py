"""Texts for pictures of one colored shape, and combinations that training never sees."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from jaxdl.checks import UsageError
from jaxdl.data.captions import build_vocabulary, encode_captions
from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic.outlines import KINDS
from jaxdl.data.synthetic.shapes import AND, COLORS
from jaxdl.typing import Host

TEMPLATES = (
    "{a} {color} {kind}",
    "a picture of {a} {color} {kind}",
    "there is {a} {color} {kind}",
    "a {kind} that is {color}",
    "the {kind} is {color}",
)
GRAY_TEMPLATES = ("a {kind}", "a picture of a {kind}", "there is a {kind}")  # of lost colors
COMBINATIONS = tuple((color, kind) for color in COLORS for kind in KINDS)
LENGTH = 9  # words of the longest, <START> and <END>


def write_text(color: str, kind: str, template: str = TEMPLATES[0]) -> str:
    """`template` with these words, "an" where the color asks for it."""
    article = "an" if color[0] in "aeiou" else "a"
    return template.format(a=article, color=color, kind=kind)


VOCABULARY = build_vocabulary(
    write_text(*pair, text) for text in (*TEMPLATES, *GRAY_TEMPLATES) for pair in COMBINATIONS
)


def encode_templates(templates: Sequence[str]) -> Host:
    """Ids of the texts of every combination, `(combinations, templates, LENGTH)`."""
    texts = [[write_text(*pair, template) for template in templates] for pair in COMBINATIONS]
    return np.stack([encode_captions(own, VOCABULARY, LENGTH)[0] for own in texts])


def prompts() -> tuple[list[str], Host]:
    """The first text of every combination, and its ids `(combinations, LENGTH)`."""
    texts = [write_text(*pair) for pair in COMBINATIONS]
    return texts, encode_captions(texts, VOCABULARY, LENGTH)[0]


def held_out(share: float) -> tuple[Host, Host]:
    """Which combinations training is not shown, bool `(combinations,)` each: at least `share` of
    all are for the test, half as many others for validation.

    They lie along diagonals, so that every color and every kind is seen in most of its pairs.
    Raises UsageError where a color or a kind would never be seen.
    """
    count, colors, kinds = math.ceil(share * len(COMBINATIONS)), len(COLORS), len(KINDS)
    order = np.arange(len(COMBINATIONS))
    rows, columns = order % colors, (order + order // math.lcm(colors, kinds)) % kinds
    tested, validated = np.zeros((2, colors, kinds), bool)
    tested[rows[:count], columns[:count]] = True
    more = slice(count, count + count // 2)
    validated[rows[more], columns[more]] = True
    hidden = tested | validated
    if count < 1 or hidden.all(axis=0).any() or hidden.all(axis=1).any():
        raise UsageError(
            f"held_out must leave out some combinations and show every color and kind, got {share}"
        )
    return tested.ravel(), validated.ravel()


def with_texts(splits: Mapping[str, Split], share: float) -> dict[str, Split]:
    """Splits of `shapes` with one object, by what they show: `test` and `val`, both of the test
    rows, have the combinations of `held_out`, `train` those that are in neither.

    A row has `image`, `captions` `(templates, LENGTH)` int32, `kept` `(templates,)`,
    `gray_captions` `(gray templates, LENGTH)`, which are true without the picture's colors, and
    `combination`, its place in `COMBINATIONS`. They are kept in memory.
    """
    tested, validated = held_out(share)
    table, gray = encode_templates(TEMPLATES), encode_templates(GRAY_TEMPLATES)
    shown = {"train": ~(tested | validated), "val": validated, "test": tested}
    made = {}
    for role, wanted in shown.items():
        source = splits["train" if role == "train" else "test"]
        caption = source.read("caption")
        color, kind = caption[:, 1] - AND - 1, caption[:, 2] - AND - 1 - len(COLORS)
        combination = (color * len(KINDS) + kind).astype(np.int32)
        rows = np.flatnonzero(wanted[combination])
        arrays = {
            "image": source.read("image", rows),
            "captions": table[combination[rows]],
            "gray_captions": gray[combination[rows]],
            "kept": np.ones((len(rows), len(TEMPLATES)), bool),
            "combination": combination[rows],
        }
        made[role] = Split(
            arrays,
            source.classes,
            name=role,
            batch_size=source.batch_size,
            seed=source.seed,
            vocabulary=VOCABULARY,
            synthetic=source.synthetic,
        )
    return made
