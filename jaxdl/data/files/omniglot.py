"""The part of Omniglot (Lake et al. 2015): characters of eight alphabets, and one-shot runs.

A row of `train` is a character: `drawings` `(20, 28, 28, 1)` uint8, ink 255, of twenty people, and
its `label`. A row of `val` and `test` is a run of one-shot classification within an alphabet:
`support` `(20, 28, 28, 1)`, one drawing of each of twenty characters, `query` of the same shape by
another hand, and `answer` `(20,)`, which of `support` each query is. `test` has the official runs,
whose alphabets occur nowhere else; `val` has runs made like them of two alphabets.
"""

from pathlib import Path

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.tables.npz import load_arrays
from jaxdl.typing import Host

VALIDATED = ("Balinese", "Early_Aramaic")
CHARACTERS, DRAWERS, RUNS = 20, 20, 20  # of a run; of a character; of each validated alphabet
DRAWN = ("images28", "label", "alphabet", "drawer", "character_names", "alphabet_names")
OFFICIAL = ("train28", "test28", "answer")


def read_omniglot(folder: Path, forms: int) -> tuple[dict[str, dict[str, Host]], tuple[str, ...]]:
    """({split: {name: rows}}, the names of the training classes), each character in `forms`.

    Forms are quarter turns, then those of the mirror image. Raises DataError for files that are not
    there or do not hold together.
    """
    drawn = read_arrays(folder / "omniglot_background_small.npz", DRAWN)
    runs = read_arrays(folder / "omniglot_oneshot_runs.npz", OFFICIAL)
    names = drawn["alphabet_names"].tolist()
    if missing := sorted(set(VALIDATED) - set(names)):
        raise DataError(f"read_omniglot: {folder} has no alphabet {missing[0]}")
    held = [names.index(name) for name in VALIDATED]
    characters, alphabet = by_character(folder, drawn)
    train = np.flatnonzero(~np.isin(alphabet, held))
    rows = np.concatenate([form_of(characters[train], form) for form in range(forms)])
    classes = [
        f"{names[alphabet[i]]} {drawn['character_names'][i]}, form {form}"
        for form in range(forms)
        for i in train
    ]
    splits = {
        "train": {"drawings": rows[..., None], "label": np.arange(len(rows), dtype=np.int32)},
        "val": make_runs([characters[alphabet == a] for a in held]),
        "test": {
            "support": runs["train28"][..., None],
            "query": runs["test28"][..., None],
            "answer": runs["answer"].astype(np.int32),
        },
    }
    return splits, tuple(classes)


def by_character(folder: Path, drawn: dict[str, Host]) -> tuple[Host, Host]:
    """Drawings `(characters, 20, 28, 28)`, ordered by drawer, and the alphabet of each."""
    order = np.lexsort((drawn["drawer"], drawn["label"]))
    label = drawn["label"][order]
    count = len(drawn["character_names"])
    if not np.array_equal(label, np.repeat(np.arange(count), DRAWERS)):
        raise DataError(f"read_omniglot: {folder}: not every character has {DRAWERS} drawings")
    images = drawn["images28"][order]
    return images.reshape(count, DRAWERS, *images.shape[1:]), drawn["alphabet"][order][::DRAWERS]


def form_of(characters: Host, form: int) -> Host:
    """Drawings `(..., H, W)` turned by `form` quarters; from 4 on, the mirror images."""
    mirrored = characters[..., ::-1] if form >= 4 else characters
    return np.ascontiguousarray(np.rot90(mirrored, form % 4, axes=(-2, -1)))


def make_runs(alphabets: list[Host]) -> dict[str, Host]:
    """`RUNS` runs of each alphabet `(characters, 20, 28, 28)`, always the same ones."""
    draw = np.random.default_rng(0)
    made: dict[str, list[Host]] = {"support": [], "query": [], "answer": []}
    for characters in alphabets:
        for _ in range(RUNS):
            chosen = draw.choice(len(characters), CHARACTERS, replace=False)
            one, other = draw.choice(DRAWERS, 2, replace=False)
            answer = draw.permutation(CHARACTERS)
            made["support"].append(characters[chosen, one])
            made["query"].append(characters[chosen[answer], other])
            made["answer"].append(answer.astype(np.int32))
    stacked = {name: np.stack(rows) for name, rows in made.items()}
    return {name: v if name == "answer" else v[..., None] for name, v in stacked.items()}


def read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, Host]:
    """These arrays of an `.npz` file; raises DataError, naming the file, where one is missing."""
    if not path.is_file():
        raise DataError(
            f"read_omniglot: there is no {path}; make it from github.com/brendenlake/omniglot, "
            "as docs/selfsup.md says"
        )
    arrays = load_arrays(path)
    if missing := [name for name in names if name not in arrays]:
        raise DataError(f"read_omniglot: {path} has no array {', '.join(missing)}")
    return {name: arrays[name] for name in names}
