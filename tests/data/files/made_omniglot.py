"""Files in the form of Omniglot's, of made characters: a few dots each, one gray per drawer."""

import numpy as np

SIZES = {"Balinese": 21, "Early_Aramaic": 20, "Greek": 5}


def write_omniglot(folder, *, sizes=None, without=None):
    """The two files, rows in no order; `without`: the row of a drawing that is left out."""
    sizes = SIZES if sizes is None else sizes
    draw = np.random.default_rng(0)
    count = sum(sizes.values())
    glyphs = draw.random((count, 28, 28)) < 0.1
    gray = np.arange(20) * 10 + 60
    images = (glyphs[:, None] * gray[None, :, None, None]).astype(np.uint8)
    alphabet = np.repeat(np.arange(len(sizes)), list(sizes.values()))
    rows = {
        "images28": images.reshape(-1, 28, 28),
        "label": np.repeat(np.arange(count), 20).astype(np.int32),
        "alphabet": np.repeat(alphabet, 20).astype(np.int32),
        "drawer": np.tile(np.arange(1, 21), count).astype(np.int32),
    }
    order = draw.permutation(len(rows["label"]))
    order = order[order != without] if without is not None else order
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(
        folder / "omniglot_background_small.npz",
        **{name: value[order] for name, value in rows.items()},
        character_names=np.array([f"character{i:02}" for i in range(count)]),
        alphabet_names=np.array(list(sizes)),
    )
    answer = np.stack([draw.permutation(20) for _ in range(3)])
    support = images[:20, 0][None].repeat(3, axis=0)
    query = np.stack([images[:20, 1][a] for a in answer])
    runs = {"train28": support, "test28": query, "answer": answer.astype(np.int32)}
    np.savez(folder / "omniglot_oneshot_runs.npz", **runs)
