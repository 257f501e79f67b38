"""The rule names what drawn pictures are known to show, and polygons of another library's."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from jaxdl.data.captions import START
from jaxdl.data.synthetic.outlines import KINDS
from jaxdl.data.synthetic.shapes import AND, COLORS, Shapes
from jaxdl.generative.shape_rule import name_shapes


@pytest.mark.parametrize(("side", "least"), [(24, 0.9), (32, 0.97)])
def test_most_drawn_pictures_are_named_as_their_captions_do(side, least):
    made = Shapes(150, 1, image_size=(side, side), objects=(1, 1)).rows(np.arange(150))
    caption = made["caption"]
    assert (caption[:, 0] == START).all()
    color, kind = name_shapes(made["image"])
    right = (color == caption[:, 1] - AND - 1) & (kind == caption[:, 2] - AND - 1 - len(COLORS))
    assert right.mean() > least


@pytest.mark.parametrize("color", ["red", "blue"])
@pytest.mark.parametrize("kind", ["square", "circle", "triangle"])
def test_what_pillow_draws_is_named(color, kind):
    image = Image.new("RGB", (32, 32), (130, 130, 130))
    pen, ink = ImageDraw.Draw(image), tuple(COLORS[color])
    if kind == "circle":
        pen.ellipse((6, 8, 22, 24), fill=ink)
    elif kind == "square":
        pen.rectangle((6, 8, 22, 24), fill=ink)
    else:
        pen.polygon([(14, 6), (23, 21), (5, 21)], fill=ink)
    named = name_shapes(np.asarray(image)[None])
    assert [int(x[0]) for x in named] == [list(COLORS).index(color), list(KINDS).index(kind)]


def test_a_picture_without_a_shape_has_no_name():
    color, kind = name_shapes(np.full((1, 24, 24, 3), 130, np.uint8))
    assert (color[0], kind[0]) == (-1, -1)
