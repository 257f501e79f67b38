"""Evaluation of a network that makes a mesh of a picture."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from jaxdl.data.meshes.mesh import Mesh
from jaxdl.data.meshes.mesh_files import write_mesh
from jaxdl.data.splits.split import Split
from jaxdl.draw import save_image, tile_images
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.training.state import TrainState
from jaxdl.typing import Array, Batch, Host, Numbers, Prepare, Tree
from jaxdl.vision3d.single_view.mesh_scores import (
    Truth,
    f1_of,
    mean_shape,
    spread_points,
    true_points,
)
from jaxdl.vision3d.single_view.rendered_views import UPRIGHT, solid_mesh
from jaxdl.vision3d.surfaces.render import around, render, turntable

SHOWN = 10  # rows of the picture
FILES = 3  # predictions as files, and in the turntable
CHOSEN = 200  # training rows that the mean shape is of


class MeshEvaluator(Evaluator):
    """F1 at .02 and .04 of the longest side, beside that of the mean shape of the training rows.

    `f1` and `f1_wide`, over solids that were not learned from; those of known solids from new
    eyes, `known_f1`; `mean_shape_f1`, of one surface for all. Pictures and files of some.
    """

    def __init__(
        self,
        predict: Callable[[Tree, Array], Array],
        faces: Host,
        prepare: Prepare,
        train: Split,
        frame: str,
    ):
        """`predict(variables, images)` gives the vertices `(B, V, 3)` of `faces`."""
        self.predict, self.faces, self.train, self.frame = predict, faces, train, frame
        self.rows_of = RowEvaluator(self._row, prepare, batch_size=16)

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        kept = {k: batch[k] for k in ("label", "solid", "rotation", "longest", "known")}
        return {"vertices": self.predict(variables, batch["image"]), **kept}

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """Vertices, and what is known of each row."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """See the class."""
        mean = spread_points(self.mean())
        scores = []
        for i in range(len(rows["label"])):
            truth = self.truth(rows, i)
            clouds = self.cloud(rows, i), mean
            scores.append([f1_of(cloud, truth, rows["longest"][i]) for cloud in clouds])
        return named_scores(np.array(scores), rows["known"])

    def cloud(self, rows: dict[str, Host], i: int) -> Host:
        """Points of the predicted surface of a row."""
        return spread_points(Mesh(rows["vertices"][i], self.faces))

    def truth(self, rows: dict[str, Host], i: int) -> Host:
        """Points of the true surface of a row, in the frame of the predictions."""
        return true_points(rows["label"][i], rows["solid"][i], self.placed(rows, i), 1)

    def placed(self, rows: dict[str, Host], i: int) -> Host:
        """From the solid's own frame to that of the predictions."""
        return rows["rotation"][i] if self.frame == "view" else np.eye(3)

    def mean(self) -> Mesh:
        """The mean shape of some training rows."""
        numbers = np.arange(self.train.size)
        some = np.random.default_rng(0).permutation(numbers)[:CHOSEN]
        rows = {
            k: self.train.read(k, some) for k in ("voxels", "label", "solid", "rotation", "longest")
        }
        truths = (Truth(self.truth(rows, i), rows["longest"][i]) for i in range(len(some)))
        return mean_shape(rows["voxels"], truths)

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """See `draw_rows`."""
        return self.draw_rows(state, split, self.rows(state, split), folder)

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Host], folder: Path
    ) -> list[Path]:
        """`meshes.png`: pictures, predictions and truth from the eye and from the side.

        `turntable.gif`: predictions and truth in turn; `mesh0.obj`, `mesh0.ply`, ...: predictions.
        """
        some = np.flatnonzero(~rows["known"])[:SHOWN]
        pairs = [self.pair(rows, i) for i in some]
        size = split.example["image"].shape[0]
        eye = [rows["rotation"][i] if self.frame != "view" else np.eye(3) for i in some]
        aside = [side_turn() @ turn for turn in eye]
        pictures = [split.read("image", some)]
        for turns in (eye, aside):
            for which in (0, 1):
                shown = [
                    render(p[which], size, rotation=t) for p, t in zip(pairs, turns, strict=True)
                ]
                pictures.append(np.stack(shown))
        whole = tile_images(np.concatenate(pictures), len(some))
        files = [save_image(whole, folder / "meshes.png", scale=2)]
        standing = [
            Mesh(
                m.vertices @ (UPRIGHT if self.frame != "view" else np.diag([1, -1, -1])).T, m.faces
            )
            for p in pairs[:FILES]
            for m in p
        ]
        files.append(turntable(standing, folder / "turntable.gif"))
        for i, (predicted, _) in enumerate(pairs[:FILES]):
            files += [write_mesh(predicted, folder / f"mesh{i}.{kind}") for kind in ("obj", "ply")]
        return files

    def pair(self, rows: dict[str, Host], i: int) -> tuple[Mesh, Mesh]:
        """The predicted mesh of a row and the true one."""
        true = solid_mesh(rows["label"][i], rows["solid"][i])
        turned = Mesh(true.vertices @ self.placed(rows, i).T, true.faces)
        return Mesh(rows["vertices"][i], self.faces), turned


def side_turn() -> Host:
    """From the eye's view to that from the right, a quarter around."""
    return around(np.pi / 2, tilt=0.0) @ np.linalg.inv(around(0.0, tilt=0.0))


def named_scores(scores: Host, known: Host) -> Numbers:
    """Means of `(n, 2, 2)`: rows, prediction and mean shape, both thresholds."""
    numbers: Numbers = {}
    for name, rows in (("", ~known), ("known_", known)):
        for which, of in enumerate(("", "mean_shape_")):
            for wide, suffix in enumerate(("", "_wide")):
                key = f"{name}{of}f1{suffix}"
                numbers[key] = float(scores[rows, which, wide].mean()) if rows.any() else np.nan
    return {k: v for k, v in numbers.items() if np.isfinite(v)}
