"""Pages of HTML, read again by html.parser: what was given stands in them as text."""

import base64
from html.parser import HTMLParser
from pathlib import Path

import pytest

from jaxdl.html_page import folded, link, page, picture, table


class Read(HTMLParser):
    """What a page holds: its texts, its tags with their attributes; unclosed ones at the end."""

    ALONE = ("meta", "img", "br")

    def __init__(self, text):
        super().__init__()
        self.texts, self.tags, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open += [] if tag in self.ALONE else [tag]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts += [data.strip()] if data.strip() else []


def test_texts_are_texts_and_all_is_closed():
    parts = [table(["<a>", "b"], [["1 < 2", "pass"], ["&", "so"]]), folded('"more"', "<p>in</p>")]
    read = Read(page("x & <y>", parts))
    assert read.open == ["html"]
    assert {"x & <y>", "<a>", "1 < 2", "&", '"more"', "in"} <= set(read.texts)
    assert ("td", {"class": "pass"}) in read.tags
    assert ("td", {}) in read.tags


def test_a_page_is_made_for_narrow_screens_and_needs_no_other_file():
    read = Read(page("a", [picture(b"png", ".png", 'a"b')]))
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in (
        read.tags
    )
    source = dict(read.tags)["img"]["src"]
    assert source == "data:image/png;base64," + base64.b64encode(b"png").decode()
    assert dict(read.tags)["img"]["alt"] == 'a"b'


@pytest.mark.parametrize("name", ["a.png", 'new/b "c".png'])
def test_a_link_is_relative(name):
    read = Read(link(Path("run") / name, Path("run")))
    assert read.tags == [("a", {"href": name})]
    assert read.texts == [name]
