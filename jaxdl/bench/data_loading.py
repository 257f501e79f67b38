"""How fast data comes: jaxdl's placements compared with torch's DataLoader on the same work."""

import statistics
import tempfile
import time
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.checks import DataError, UsageError
from jaxdl.data.config import FolderData, TfdsData
from jaxdl.data.load import load_splits
from jaxdl.data.source import ArraySource
from jaxdl.data.splits.split import Split
from jaxdl.data.splits.stream import StreamSplit
from jaxdl.ops.augment.crop_flip import random_crop_flip
from jaxdl.typing import Host

ROUNDS = 5
BATCH, STEPS = 128, 20  # of CIFAR-10
PICTURES, SIDE, CROP = 256, 256, 224
FEW, LONG = 32, 16  # batch and steps a round of pictures
WORKERS = 2
PAD = 4


def bench_data(*, rounds: int = ROUNDS, pictures: int = PICTURES) -> str:
    """Images per second of three ways to read and the median of the ratios of interleaved rounds.

    Both sides shuffle, read and augment; jaxdl's arrays end on the device, torch's in memory.
    """
    try:
        import torch  # noqa: F401
    except ImportError:
        raise UsageError('bench data compares with torch: pip install "jaxdl[torch]"') from None
    lines = []
    arrays = cifar_rows()
    with tempfile.TemporaryDirectory() as folder:
        write_pictures(Path(folder), pictures)
        streams = [torch_cifar(arrays), torch_folder(Path(folder))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # no device is awake yet: fork is safe
            for theirs in streams:
                next(theirs)
        pairs = {
            "resident CIFAR-10, crop and flip": (resident_cifar(arrays), streams[0]),
            "streamed CIFAR-10, crop and flip": (streamed_cifar(arrays), streams[0]),
            f"folder of {SIDE}-pixel JPEGs": (own_folder(Path(folder)), streams[1]),
        }
        for name, (ours, theirs) in pairs.items():
            lines.append(f"{name}: {compare(ours, theirs, rounds)}")
            ours.close()
    return "\n".join(lines)


def compare(ours: Generator[int, None, None], theirs: Generator[int], rounds: int) -> str:
    """Each iterator does a round of work and gives the number of its images."""
    next(ours)  # compiles
    rates = [(rate(ours), rate(theirs)) for _ in range(rounds)]
    ratios = [a / b for a, b in rates]
    a, b = (statistics.median(column) for column in zip(*rates, strict=True))
    return (
        f"{a:,.0f} images/s, torch {b:,.0f}: {statistics.median(ratios):.2f} times "
        f"({min(ratios):.2f} to {max(ratios):.2f} in {rounds} rounds)"
    )


def rate(work: Generator[int, None, None]) -> float:
    """Images per second of one round."""
    began = time.perf_counter()
    count = next(work)
    return count / (time.perf_counter() - began)


def cifar_rows() -> dict[str, Host]:
    """CIFAR-10's training rows where they are prepared, else noise of their shape."""
    try:
        return dict(load_splits(TfdsData(name="cifar10"))["train"].resident())
    except DataError:
        rng = np.random.default_rng(0)
        return {
            "image": rng.integers(0, 256, (10_000, 32, 32, 3), np.uint8),
            "label": rng.integers(0, 10, 10_000).astype(np.int32),
        }


def augmented(split: Split) -> Any:
    """One program: gather, crop and flip, normalize, for every step of a feed."""

    def one(resident: Any, item: Any, key: Any) -> Any:
        batch = split.gather(resident, item)
        keys = jax.random.split(key, len(batch["label"]))
        return random_crop_flip(keys, batch["image"], padding=PAD).astype("float32") / 255

    def all_steps(resident: Any, feed: Any, key: Any) -> Any:
        # A number of each batch, so that none is left out.
        return jax.lax.map(lambda item: one(resident, item, key).mean(), feed)

    return jax.jit(all_steps)


def resident_cifar(arrays: dict[str, Host]) -> Generator[int, None, None]:
    """Rounds of `STEPS` batches from arrays on the device."""
    split = Split(arrays, batch_size=BATCH)
    program, resident = augmented(split), jax.device_put(dict(split.resident()))
    step = 0
    while True:
        feed = jax.device_put(split.feed(step, step + STEPS))
        jax.block_until_ready(program(resident, feed, jax.random.key(step)))
        step += STEPS
        yield STEPS * BATCH


def streamed_cifar(arrays: dict[str, Host]) -> Generator[int, None, None]:
    """Rounds of batches that are read ahead, two steps a feed, the next one under way."""
    split = StreamSplit(ArraySource(arrays), batch_size=BATCH)
    yield from stream(split, augmented(split), STEPS)


def own_folder(folder: Path) -> Generator[int, None, None]:
    """Rounds over a folder: decode, resize and cut, put on the device."""
    cfg = FolderData(
        path=str(folder),
        image_size=(CROP,),
        batch_size=FEW,
        placement="stream",
        workers=WORKERS,
    )
    split = load_splits(cfg)["train"]
    program = jax.jit(lambda resident, feed, key: feed["image"][:, :, 0, 0].sum())
    yield from stream(split, program, LONG)


def stream(split: Split, program: Any, steps: int) -> Generator[int, None, None]:
    """Rounds of a streamed split as the loop takes it."""
    step = 0
    try:
        while True:
            waiting = None
            for first in range(step, step + steps, 2):
                count = min(2, step + steps - first)
                feed = jax.device_put(split.feed(first, first + count))
                done = program({}, feed, jax.random.key(first))
                jax.block_until_ready(waiting)
                waiting = done
            jax.block_until_ready(waiting)
            step += steps
            yield steps * split.batch_size
    finally:
        split.close()


def write_pictures(folder: Path, count: int) -> None:
    """JPEGs of smooth noise in two class folders."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for i in range(count):
        small = Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8))
        path = folder / "ab"[i % 2] / f"{i:05d}.jpg"
        path.parent.mkdir(exist_ok=True)
        small.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path, quality=90)


def torch_cifar(arrays: dict[str, Host]) -> Generator[int, None, None]:
    """torch's DataLoader over the same arrays; crop and flip a row, as its datasets do."""
    import torch

    image, label = np.asarray(arrays["image"]), np.asarray(arrays["label"])

    class Rows(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(label)

        def __getitem__(self, index: int) -> Any:
            padded = np.pad(image[index], ((PAD, PAD), (PAD, PAD), (0, 0)))
            y, x = np.random.randint(0, 2 * PAD + 1, 2)  # noqa: NPY002 (torch seeds its workers)
            cut = padded[y : y + 32, x : x + 32]
            cut = cut[:, ::-1] if np.random.random() < 0.5 else cut  # noqa: NPY002
            made = torch.from_numpy(np.ascontiguousarray(cut.transpose(2, 0, 1)))
            return made.float() / 255, int(label[index])

    yield from torch_rounds(Rows(), BATCH, STEPS)


def torch_folder(folder: Path) -> Generator[int, None, None]:
    """torch's DataLoader over the files: decode, resize and cut by Pillow."""
    import torch
    from PIL import Image

    files = sorted(folder.glob("*/*.jpg"))

    class Files(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, index: int) -> Any:
            with Image.open(files[index]) as image:
                made = image.convert("RGB").resize((CROP, CROP), Image.Resampling.BILINEAR)
            return torch.from_numpy(np.array(made)), files[index].parent.name == "b"

    yield from torch_rounds(Files(), FEW, LONG)


def torch_rounds(data: Any, batch_size: int, steps: int) -> Generator[int, None, None]:
    """Rounds of `steps` batches of one endless epoch, so that its workers never pause."""
    from torch.utils.data import DataLoader, RandomSampler

    loader = DataLoader(
        data,
        batch_size,
        sampler=RandomSampler(data, num_samples=10**6),
        num_workers=WORKERS,
        multiprocessing_context="fork",
    )
    batches, total = iter(loader), 0.0
    while True:
        for _ in range(steps):
            total += float(next(batches)[0].flatten()[0])
        yield steps * batch_size
