"""Events for TensorBoard, written at once: no thread that a full disk could stop in silence.

A file is a sequence of records (length, its checksum, an `Event` message, its checksum), as in
tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto and, for what an event
holds, tensorflow/core/framework/summary.proto.
"""

import io
import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxdl.typing import Host, Numbers

START = b"\x08\x01"  # SessionLog: what an earlier process wrote from this step on is void


class EventFile:
    """A new event file in `folder` whose first valid step is `first`."""

    def __init__(self, folder: Path, first: int) -> None:
        folder.mkdir(exist_ok=True)
        # TensorBoard reads files in the order of these seconds; the clock may have been set back.
        words = [path.name.split(".") for path in folder.glob("events.out.tfevents.*")]
        earlier = [int(word[3]) for word in words if word[3].isdigit()]
        seconds = max([int(time.time()), *(second + 1 for second in earlier)])
        stamp = f"{seconds}.{socket.gethostname()}.{os.getpid()}"
        self.file = (folder / f"events.out.tfevents.{stamp}").open("ab", buffering=0)
        self.whole = self.file.tell()  # bytes of whole records
        self._write(0, _field(3, b"brain.Event:2"))
        self._write(first, _field(7, START))

    def add(self, step: int, numbers: Numbers) -> None:
        """One event with a scalar for each of `numbers`."""
        values = [
            _field(1, _field(1, name.encode()) + b"\x15" + struct.pack("<f", value))
            for name, value in numbers.items()
        ]
        self._write(step, _field(5, b"".join(values)))

    def add_histograms(self, step: int, arrays: Mapping[str, Host], *, bins: int = 30) -> None:
        """One event with a histogram for each of `arrays`."""
        self._write(step, _field(5, b"".join(_histogram(*pair, bins) for pair in arrays.items())))

    def add_image(self, step: int, name: str, image: Host) -> None:
        """A picture `(H, W, 1 or 3)`, uint8."""
        height, width, channels = image.shape
        sizes = [b"\x08" + _varint(height), b"\x10" + _varint(width), b"\x18" + _varint(channels)]
        value = _field(4, b"".join(sizes) + _field(4, encode_png(image)))
        self._write(step, _field(5, _field(1, _field(1, name.encode()) + value)))

    def add_text(self, step: int, name: str, text: str) -> None:
        """Text, read as Markdown."""
        plugin = _field(9, _field(1, _field(1, b"text")))
        shape = _field(2, _field(2, b"\x08\x01"))
        tensor = _field(8, b"\x08\x07" + shape + _field(8, text.encode()))  # 7: strings
        self._write(step, _field(5, _field(1, _field(1, name.encode()) + plugin + tensor)))

    def close(self) -> None:
        """Closes the file."""
        self.file.close()

    def _write(self, step: int, what: bytes) -> None:
        event = b"\x09" + struct.pack("<d", time.time()) + b"\x10" + _varint(step) + what
        head = struct.pack("<Q", len(event))
        record = head + struct.pack("<I", _masked(head)) + event
        record += struct.pack("<I", _masked(event))
        left = memoryview(record)
        try:
            while left:  # a disk with room for a part takes that part, without an error
                left = left[self.file.write(left) :]
        except OSError:
            self.file.truncate(self.whole)  # a torn record would hide what follows it
            raise
        self.whole += len(record)


def encode_png(image: Host) -> bytes:
    """The bytes of a PNG file."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(out, "PNG")
    return out.getvalue()


def _histogram(name: str, values: Host, bins: int) -> bytes:
    """A `Summary.Value`: counts between limits, of which the first bucket has only an upper one."""
    flat = np.asarray(values, np.float64).ravel()
    counts, limits = np.histogram(flat, bins)
    moments = [flat.min(), flat.max(), flat.size, flat.sum(), (flat * flat).sum()]
    packed = b"".join(bytes([n << 3 | 1]) + struct.pack("<d", v) for n, v in enumerate(moments, 1))
    for number, column in ((6, limits[1:]), (7, counts)):
        packed += _field(number, struct.pack(f"<{bins}d", *column))
    return _field(1, _field(1, name.encode()) + _field(5, packed))


def _field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def _table() -> list[int]:
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


TABLE = _table()  # of CRC-32C (Castagnoli)


def _masked(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
