"""A run's page against the files it was made of, and as headless Chromium lays it out."""

import json
import shutil
import subprocess
from html import escape, unescape

import pytest
from PIL import Image

from jaxdl.runs.run_page import MOST, measured, write_run_page
from tests.test_html_page import Read

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
REPORT = {
    "name": "digits_<b>",
    "command": "jaxdl run digits_lenet --loop.steps 20",
    "experiment": "classification.train",
    "config": {"data": {"name": "digits"}},
    "metrics": {"test_accuracy": 0.98765, "val_accuracy": 0.5, "train_loss": 0.25, "bricks": 3.0},
    "seconds": {"total": 12.34},
    "steps": 1200,
    "devices": 1,
    "device": "cpu: cpu",
    "notes": {"train": ["3 rows were left out"]},
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "report.json").write_text(json.dumps(REPORT))
    (tmp_path / "config.toml").write_text("seed = 7\n[optim]\nlr = 0.125\n")
    (tmp_path / "environment.json").write_text('{"cores": 2}')
    for name in ("mistakes.png", "curves.png", "new/a.gif", "checkpoints/no.png", "events/no.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_a_page_has_what_the_run_was_and_measured(folder):
    text = write_run_page(folder).read_text()
    read = Read(text)
    said = " ".join(read.texts)
    for part in ("digits_<b>", "--loop.steps 20", "data: digits", "1,200 steps", "12.3 s on 1 x"):
        assert part in said
    for part in ("train: 3 rows were left out", "0.9877", "optim.lr", "0.125", '"cores": 2'):
        assert part in said
    assert "no.png" not in said
    assert "http" not in text  # nothing is fetched


def test_pictures_stand_in_it_curves_first_and_beyond_a_size_as_links(folder):
    names = [a["alt"] for tag, a in Read(write_run_page(folder).read_text()).tags if tag == "img"]
    assert names == ["curves", "mistakes", "a"]
    (folder / "large.png").write_bytes(bytes(MOST))
    read = Read(write_run_page(folder).read_text())
    assert "large" not in [a["alt"] for tag, a in read.tags if tag == "img"]
    assert ("a", {"href": "large.png"}) in read.tags
    size = (folder / "report.html").stat().st_size
    write_run_page(folder)  # the page of before is none of its pictures
    assert (folder / "report.html").stat().st_size == size


def test_numbers_stand_by_split():
    assert measured(REPORT["metrics"]) == [
        ["accuracy", "", "0.5", "0.9877"],
        ["loss", "0.25", "", ""],
        ["bricks", "", "", "3"],
    ]


WIDE = {
    "name": "digits_lenet",
    "command": "jaxdl run digits_lenet --data.path /home/a/" + "long_folder_name/" * 20,
    "experiment": "classification.train",
    "config": {"data": {"name": "digits"}},
    "metrics": {
        f"{split}_accuracy_at_some_threshold": 0.98765 for split in ("train", "val", "test")
    },
    "seconds": {"total": 12.34},
    "steps": 1200,
    "devices": 1,
    "device": "cpu: cpu",
    "notes": {},
}
# A frame has the width that is asked for; a window is never narrower than 500.
PROBE = """<!doctype html>
<iframe width={width} height=800 style="border:0" srcdoc="{page}"></iframe>
<pre id=told></pre><script>
onload = () => {{
  const d = document.querySelector("iframe").contentDocument
  d.querySelectorAll("details").forEach(e => e.open = true)
  const right = [...d.images].map(e => [e.naturalWidth, e.getBoundingClientRect().right])
  const {{scrollWidth: page, clientWidth: room}} = d.documentElement
  told.textContent = JSON.stringify({{page, room, right}})
}}
</script>"""


@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium here")
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_of_a_page_is_wider_than_the_screen(width, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps(WIDE))
    (folder / "config.toml").write_text(f'[data]\npath = "{"wide" * 100}"\n')
    (folder / "environment.json").write_text(json.dumps({"flags": "--a" * 200}))
    Image.new("RGB", (2000, 300)).save(folder / "curves.png")
    probe = tmp_path / "probe.html"
    page = escape(write_run_page(folder).read_text())
    probe.write_text(PROBE.format(width=width, page=page))
    # A profile of its own, which is gone with the test.
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    flags += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=3000", "--dump-dom"]
    command = [CHROMIUM, *flags, probe.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    told = json.loads(unescape(done.stdout.split('<pre id="told">')[1].split("</pre>")[0]))
    assert told["page"] == told["room"] <= width  # a bar to scroll down takes some of it
    [(natural, right)] = told["right"]
    assert natural == 2000  # it was decoded
    assert right <= told["room"]
    assert "CONSOLE" not in done.stderr
