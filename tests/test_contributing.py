"""The table of rooms in CONTRIBUTING.md, asked where twenty things live; judged by the source."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
THINGS = {  # as a practitioner calls it -> a line of the file that defines it
    "NMS": r"^def nms\(",
    "learning-rate schedule": r"^def make_schedule\(",
    "checkpoint manifest": r"^def write_manifest\(",
    "tfds reader": r"^def open_version\(",
    "FID": r"^def frechet_distance\(",
    "mixup": r"^def mixup\(",
    "RoI align": r"^def roi_align\(",
    "focal loss": r"^def heatmap_focal_loss\(",
    "gradient clipping": r"optax\.clip_by_global_norm\(",
    "positional encoding": r"^def rotary_embedding\(",
    "beam search": r"^def beam_search\(",
    "batch norm folding": r"^def fold_batch_norm\(",
    "COCO AP": r"^def coco_precision\(",
    "torchvision weight rules": r"^def resnet_rules\(",
    "`jaxdl check` recipe": r"^def run_recipe\(",
    "hyperparameter sweep": r"^def sweep\(",
    "TensorBoard writer": r"^class EventFile\b",
    "receptive field": r"^class ReceptiveField\b",
    "synthetic shapes": r"^class Shapes\b",
    "decode cache": r"^def _?read_cache\(",
}


def rooms_and_contents(text):
    """Room -> what the table says that it holds."""
    table = text.partition("<!-- rooms -->")[2].partition("<!-- /rooms -->")[0]
    contents = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        for room in (rooms := re.findall(r"`(\w+)`", cells[0])):
            held = cells[1]
            if len(rooms) > 1:
                held = re.findall(rf"`{room}`: (.*?)(?=; `\w+`: |$)", held)[0]
            contents[room] = held
    return contents


def homes(pattern):
    """The rooms of the files that have a line of the pattern."""
    files = [p for p in (ROOT / "jaxdl").rglob("*.py") if re.search(pattern, p.read_text(), re.M)]
    return {p.relative_to(ROOT / "jaxdl").parts[0].removesuffix(".py") for p in files}


@pytest.mark.parametrize("thing", THINGS)
def test_the_table_says_where_a_thing_lives(thing):
    contents = rooms_and_contents((ROOT / "CONTRIBUTING.md").read_text())
    assert {room for room, held in contents.items() if thing in held} == homes(THINGS[thing])
