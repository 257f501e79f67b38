"""What a CLIP is asked: which text fits a picture, and which picture a text; drawn."""

from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.data.captions import decode_caption
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure, draw_grid
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.metrics.retrieval import recall_at
from jaxdl.selfsup.clip import CLIP
from jaxdl.selfsup.shape_texts import COMBINATIONS, prompts
from jaxdl.training.state import TrainState
from jaxdl.typing import Array, Batch, Host, Numbers, Prepare, Tree

SHOWN, FOUND = 24, 6  # pictures of a sheet; pictures that are found for a text
RECALLS = (1, 5)


class CLIPEvaluator(Evaluator):
    """Recall of texts by pictures and of pictures by texts, over all rows and all their captions.

    `image_recall_k` is the share of pictures with a caption of their own among the k nearest texts,
    `text_recall_k` that of texts with a picture of theirs among the k nearest. Equal texts are one,
    and belong to every picture that has them. Of shapes also `zero_shot`, the share of pictures
    whose nearest among the prompts of *all* combinations is the right one, and that of a right
    color and kind in it. In the folder: `zero_shot.png` (of shapes), `retrieval.png`, and
    `embedding.png`, the two directions in which the vectors vary most.
    """

    def __init__(self, model: CLIP, prepare: Prepare):
        self.model = model
        self.rows_of = RowEvaluator(self._row, prepare, batch_size=64)

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        every = batch["captions"]
        texts: Any = self.model.apply(
            variables, every.reshape(-1, every.shape[2]), method=CLIP.encode_text
        )
        image: Any = self.model.apply(variables, batch["inputs"][0], method=CLIP.encode_image)
        return {"image": image, "text": texts.reshape(*every.shape[:2], -1)}

    def rows(self, state: TrainState, split: Split) -> dict[str, Any]:
        """`image` `(N, D)`; `text` `(M, D)`, `ids` `(M, L)` of the different texts of the rows, and
        which are a row's own, `own` `(N, M)`; of shapes `prompts` `(P, D)`."""
        made = self.rows_of(state, split)
        ids, kept = split.read("captions"), split.read("kept")
        if "combination" in split.names:  # one text per row: its templates say the same
            kept = kept & (np.arange(kept.shape[1]) == 0)
        texts, first, place = np.unique(ids[kept], axis=0, return_index=True, return_inverse=True)
        own = np.zeros((split.size, len(texts)), bool)
        own[np.nonzero(kept)[0], place.ravel()] = True
        rows = {"image": made["image"], "text": made["text"][kept][first], "ids": texts, "own": own}
        if "combination" in split.names:
            asked: Any = self.model.apply(state.variables, prompts()[1], method=CLIP.encode_text)
            rows["prompts"] = np.asarray(asked)
        return rows

    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """See the class."""
        scores, own = rows["image"] @ rows["text"].T, rows["own"]
        numbers = {f"image_recall_{k}": recall_at(scores, own, k) for k in RECALLS}
        numbers |= {f"text_recall_{k}": recall_at(scores.T, own.T, k) for k in RECALLS}
        if "prompts" in rows:
            guess, truth = answers(rows), split.read("combination")
            said, shown = (np.array(COMBINATIONS)[x] for x in (guess, truth))
            numbers |= {
                "zero_shot": float(np.mean(guess == truth)),
                "zero_shot_color": float(np.mean(said[:, 0] == shown[:, 0])),
                "zero_shot_kind": float(np.mean(said[:, 1] == shown[:, 1])),
            }
        return numbers

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Any], folder: Path
    ) -> None:
        """See the class."""
        draw_retrieval(split, rows).save(folder / "retrieval.png")
        draw_embedding(split, rows).save(folder / "embedding.png")
        if "prompts" in rows:
            draw_answers(split, rows).save(folder / "zero_shot.png")


def answers(rows: dict[str, Any]) -> Host:
    """The prompt that is nearest to each picture `(N,)`."""
    return (rows["image"] @ rows["prompts"].T).argmax(axis=1)


def draw_answers(split: Split, rows: dict[str, Any]) -> Figure:
    """The first pictures, each with its nearest prompt, and the truth where that is another."""
    said, guess, truth = prompts()[0], answers(rows), split.read("combination")
    wrong = np.flatnonzero(guess != truth)
    shown = np.concatenate([wrong, np.flatnonzero(guess == truth)])[:SHOWN]
    titles = [said[guess[i]] + (f"\nis {said[truth[i]]}" if i in wrong else "") for i in shown]
    title = f"Nearest of {len(said)} prompts; {len(wrong)} of {split.size} wrong, which come first"
    return draw_grid(list(split.batch(shown)["image"]), titles, title=title, columns=8, cell=1.2)


def draw_retrieval(split: Split, rows: dict[str, Any]) -> Figure:
    """Some texts, spread over all, each with the pictures that are nearest to it."""
    scores = rows["text"] @ rows["image"].T
    chosen = np.unique(np.linspace(0, len(scores) - 1, 6).round().astype(int))
    images, titles = [], []
    for text in chosen:
        nearest = np.argsort(-scores[text], kind="stable")[:FOUND]
        images += list(split.batch(nearest)["image"])
        said = decode_caption(rows["ids"][text], split.vocabulary)
        marks = ["right" if rows["own"][i, text] else "another's" for i in nearest]
        titles += [f"{_cut(said)}\n{marks[0]}", *marks[1:]]
    columns = min(FOUND, split.size)
    title = "Each row: a text, and the pictures nearest to it"
    return draw_grid(images, titles, title=title, columns=columns, cell=1.5)


def draw_embedding(split: Split, rows: dict[str, Any]) -> Figure:
    """Pictures (dots) and texts (crosses) along the two directions of the largest variance."""
    both = np.concatenate([rows["image"], rows["text"]]).astype(np.float64)
    center = both.mean(axis=0)
    places = (both - center) @ np.linalg.svd(both - center, full_matrices=False)[2][:2].T
    image, text = np.split(places, [len(rows["image"])])
    figure = Figure(size=(7, 6))
    (axis,) = figure.axes
    if "combination" in split.names:
        colors = [COMBINATIONS[i][0] for i in split.read("combination")]
        axis.scatter(*image.T, s=14, c=colors, edgecolors="gray", linewidths=0.4)
    else:
        axis.scatter(*image.T, s=14)
    axis.scatter(*text.T, s=30, marker="x", color="black", linewidths=0.8)
    for place, ids in list(zip(text, rows["ids"], strict=True))[:SHOWN]:
        axis.annotate(_cut(decode_caption(ids, split.vocabulary)), place, fontsize=6)
    axis.set(title="Pictures (dots) and texts (crosses), two principal directions")
    return figure


def _cut(text: str, most: int = 34) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
