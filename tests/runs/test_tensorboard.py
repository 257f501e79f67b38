"""TensorBoard's events, read back with the messages that tensorboardX was generated from."""

import io
import struct

import jax
import numpy as np
import pytest
from PIL import Image

from jaxdl.optim.config import Adam
from jaxdl.runs.metrics_log import MetricsLog, read_rows
from jaxdl.runs.tensorboard import EventFile
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.tensorboard_summaries import tile, write_start, write_weights
from tests.training import toys


def read(folder):
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    data, values = next(folder.glob("events*")).read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        event = event_pb2.Event.FromString(data[12 : 12 + length])
        values += [(event.step, value) for value in event.summary.value]
        data = data[16 + length :]
    return values


def test_a_later_file_is_read_later_though_the_clock_was_set_back(tmp_path, monkeypatch):
    """TensorBoard sorts files by name, which begins with seconds."""
    names = []
    for now in (2e9, 2e9, 1e9):
        monkeypatch.setattr("time.time", lambda now=now: now)
        before = set(tmp_path.glob("e/*"))
        EventFile(tmp_path / "e", first=1)
        (made,) = set(tmp_path.glob("e/*")) - before
        names.append(made.name)
    assert names == sorted(names)
    assert names[0].startswith("events.out.tfevents.2000000000.")


def test_a_record_that_the_disk_takes_in_part_is_an_error_and_leaves_none(tmp_path, monkeypatch):
    """A disk with room for half a record takes that half, says so, and then refuses."""
    events = EventFile(tmp_path / "e", first=1)
    events.add(1, {"loss": 0.5})
    file, whole = events.file, events.file.tell()

    class Full:
        def write(self, data):
            if file.tell() > whole:
                raise OSError(28, "No space left on device")
            return file.write(data[: len(data) // 2])

        def truncate(self, size):
            return file.truncate(size)

    monkeypatch.setattr(events, "file", Full())
    with pytest.raises(OSError, match="No space left"):
        events.add(2, {"loss": 0.25})
    assert [step for step, _ in read(tmp_path / "e")] == [1]
    assert next((tmp_path / "e").iterdir()).stat().st_size == whole
    monkeypatch.setattr(events, "file", file)
    events.add(3, {"loss": 0.125})
    assert [step for step, _ in read(tmp_path / "e")] == [1, 3]


def test_a_histogram_holds_numpys_counts_and_moments(tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 5))
    events = EventFile(tmp_path / "e", first=1)
    events.add_histograms(7, {"a": x, "b": np.zeros(3)})
    ((step, value), (_, flat)) = read(tmp_path / "e")
    counts, limits = np.histogram(x, 30)
    assert (step, value.tag) == (7, "a")
    np.testing.assert_array_equal(value.histo.bucket, counts)
    np.testing.assert_array_equal(value.histo.bucket_limit, limits[1:])
    got = value.histo.min, value.histo.max, value.histo.num, value.histo.sum_squares
    np.testing.assert_allclose(got, (x.min(), x.max(), 200, (x**2).sum()))
    assert value.histo.sum == pytest.approx(x.sum())
    assert sum(flat.histo.bucket) == 3


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_is_the_picture_and_a_text_the_words(tmp_path, channels):
    image = np.random.default_rng(0).integers(0, 256, (4, 5, channels), np.uint8)
    events = EventFile(tmp_path / "e", first=1)
    events.add_image(3, "i", image)
    events.add_text(4, "t", "layer | shape")
    (_, picture), (step, text) = read(tmp_path / "e")
    assert (picture.image.height, picture.image.width) == (4, 5)
    back = np.asarray(Image.open(io.BytesIO(picture.image.encoded_image_string)))
    np.testing.assert_array_equal(back.reshape(image.shape), image)
    assert (step, text.tensor.string_val[0].decode()) == (4, "layer | shape")
    assert text.metadata.plugin_data.plugin_name == "text"


def test_the_weights_of_a_state_go_by_their_paths(tmp_path):
    task = toys.classifier()
    events = EventFile(tmp_path / "e", first=1)
    state = task.init(jax.random.key(0))
    write_weights(events, step=5, state=state)
    found = {value.tag: value.histo.num for _, value in read(tmp_path / "e")}
    assert found["hidden/kernel"] == 40
    assert found["norm/scale"] == 8


def test_a_start_shows_layers_and_images(tmp_path):
    from jaxdl.classification.task import ClassifierConfig, classifier_task

    events = EventFile(tmp_path / "e", first=1)
    write_start(events, classifier_task(ClassifierConfig()))
    (_, text), (_, picture) = read(tmp_path / "e")
    assert "conv1" in text.tensor.string_val[0].decode()
    assert picture.image.width == picture.image.height > 8


def test_tiles_are_in_reading_order():
    images = np.arange(3, dtype=np.float32)[:, None, None, None] * np.ones((3, 2, 2, 1), np.float32)
    got = tile(images)[..., 0]
    np.testing.assert_array_equal(got[::2, ::2], [[0, 127], [255, 0]])


@pytest.mark.parametrize("on", [False, True])
def test_a_run_writes_them_where_it_is_asked_to(tmp_path, on):
    loop = LoopConfig(steps=2, devices=1, tensorboard_histograms=on)
    fit(toys.classifier(Adam(), steps=2), loop, tmp_path)
    kinds = {value.WhichOneof("value") for _, value in read(tmp_path / "events")}
    assert ("histo" in kinds) == on
    assert "simple_value" in kinds


def test_tensorboards_own_reader_has_training_and_validation_side_by_side(tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with MetricsLog(tmp_path) as log:
        log.start(0)
        log.add(5, {"loss": 0.5, "d_loss": 2.0, "lr": 0.25, "seconds": 3.0})
        log.join({"val_loss": 0.75})
    shown = reader.EventAccumulator(str(tmp_path / "events")).Reload()
    tags = {"loss/train": 0.5, "loss/val": 0.75, "d_loss/train": 2.0, "lr": 0.25, "seconds": 3.0}
    assert {name: shown.Scalars(name)[0].value for name in shown.Tags()["scalars"]} == tags
    assert shown.Scalars("loss/val")[0].step == 5
    assert read_rows(tmp_path / "metrics.jsonl")[0].keys() >= {"loss", "val_loss"}
