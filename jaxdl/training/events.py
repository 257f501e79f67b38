"""Scalars for TensorBoard, written at once: no thread that a full disk could stop in silence.

A file is a sequence of records (length, its checksum, an `Event` message, its checksum), as in
tensorflow/core/lib/io/record_writer.h and tensorflow/core/util/event.proto.
"""

import os
import socket
import struct
import time
from pathlib import Path

from jaxdl.typing import Numbers

START = b"\x08\x01"  # SessionLog: what an earlier process wrote from this step on is void


class EventFile:
    """A new event file in `folder` whose first valid step is `first`."""

    def __init__(self, folder: Path, first: int) -> None:
        folder.mkdir(exist_ok=True)
        stamp = f"{int(time.time())}.{socket.gethostname()}.{os.getpid()}"
        self.file = (folder / f"events.out.tfevents.{stamp}").open("ab", buffering=0)
        self._write(0, _field(3, b"brain.Event:2"))
        self._write(first, _field(7, START))

    def add(self, step: int, numbers: Numbers) -> None:
        """One event with a scalar for each of `numbers`."""
        values = [
            _field(1, _field(1, name.encode()) + b"\x15" + struct.pack("<f", value))
            for name, value in numbers.items()
        ]
        self._write(step, _field(5, b"".join(values)))

    def close(self) -> None:
        """Closes the file."""
        self.file.close()

    def _write(self, step: int, what: bytes) -> None:
        event = b"\x09" + struct.pack("<d", time.time()) + b"\x10" + _varint(step) + what
        head = struct.pack("<Q", len(event))
        record = head + struct.pack("<I", _masked(head)) + event
        self.file.write(record + struct.pack("<I", _masked(event)))


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
