"""Clips as strips of frames, and as one film."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxdl.checks import check_rank
from jaxdl.draw import Figure
from jaxdl.typing import Host


def in_color(clip: Host) -> Host:
    """Gray `(..., 1)` as `(..., 3)`; colors stay."""
    return np.repeat(clip, 3, axis=-1) if clip.shape[-1] == 1 else clip


def film_strip(clip: Host, *, border: int = 1) -> Host:
    """The frames of a clip from left to right: `(T, H, W, C)` uint8 -> `(H, W', C)`."""
    check_rank("film_strip: clip", clip, 4)
    width = [(0, 0), (0, 0), (0, border), (0, 0)]
    framed = np.pad(clip, width, constant_values=255)
    return np.concatenate(list(framed), axis=1)[:, : -border or None]


def draw_clips(clips: Sequence[Host], titles: Sequence[str]) -> Figure:
    """A strip for each clip `(T, H, W, 1 or 3)` uint8, one below the other, each with a title."""
    strips = [film_strip(in_color(clip)) for clip in clips]
    height, width = strips[0].shape[:2]
    figure = Figure(len(strips), 1, size=(6.4, len(strips) * (6.4 * height / width + 0.25)))
    for axis, strip, title in zip(figure.axes, strips, titles, strict=True):
        axis.imshow(strip)
        axis.set_axis_off()
        axis.set_title(title, fontsize=8, loc="left", pad=2)
    return figure


def save_film(clips: Sequence[Host], titles: Sequence[str], path: Path, *, rate: int = 6) -> Path:
    """Writes an animated GIF: clips `(T, H, W, 1 or 3)` uint8 side by side, four a row, each under
    its title, `rate` frames per second; a shorter clip stands at its last frame."""
    from PIL import Image, ImageDraw

    height, width = clips[0].shape[1:3]
    scale = max(1, 128 // width)
    cell = (width * scale + 8, height * scale + 34)
    columns = min(4, len(clips))
    size = (cell[0] * columns, cell[1] * -(-len(clips) // columns))
    pictures = []
    for time in range(max(len(clip) for clip in clips)):
        picture = Image.new("RGB", size, "white")
        pen = ImageDraw.Draw(picture)
        for i, (clip, title) in enumerate(zip(clips, titles, strict=True)):
            x, y = cell[0] * (i % columns) + 4, cell[1] * (i // columns)
            pen.text((x, y + 2), title.replace(": ", "\n", 1), fill="black", font_size=11)
            frame = Image.fromarray(in_color(clip[min(time, len(clip) - 1)]))
            picture.paste(frame.resize((width * scale, height * scale), 0), (x, y + 32))
        pictures.append(picture.quantize(128))
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=1000 // rate, loop=0)
    return path
