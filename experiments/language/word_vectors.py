"""What word vectors have learned of words, and of people: jaxdl run glove50_words."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.cli import main
from jaxdl.data.tables.word_vectors import WordVectors, read_word_vectors
from jaxdl.draw import Figure
from jaxdl.language.word_lists import ASSOCIATIONS, RELATIONS
from jaxdl.language.word_relations import (
    Association,
    associate,
    nearest_rows,
    solve_analogies,
    unit,
)
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host, Numbers


@dataclass(frozen=True)
class Config:
    """Vectors, and what is asked of them."""

    vectors: str = "glove50"
    """The folder of `words.txt` and the vectors; also below JAXDL_DATA_DIR."""
    neighbors: tuple[str, ...] = ("dog", "paris", "physics", "guitar", "happy", "red")
    """Words whose nearest ones are written down."""
    count: int = 8
    """Of nearest words."""
    draws: int = 100_000
    """Divisions of the words that a p-value counts at most."""
    seed: int = 0
    """Of those that are drawn at random."""


def run(cfg: Config, run_dir: Path) -> Report:
    """Solves the analogies, measures the associations, draws both."""
    began = time.perf_counter()
    vectors = read_word_vectors(cfg.vectors)
    near = {word: nearest_words(vectors, word, cfg.count) for word in cfg.neighbors}
    lines = [f"{word}: {' '.join(words)}" for word, words in near.items()]
    metrics: Numbers = {}
    right, asked = 0, 0
    for name, text in RELATIONS.items():
        answers, truth, questions = answer_relation(vectors, text)
        metrics[f"analogy_{name}"] = float(np.mean(answers == truth))
        right, asked = right + int(np.sum(answers == truth)), asked + len(truth)
        words = [" ".join(vectors.words[i] for i in q) for q in questions[:3]]
        lines += [
            f"{said} -> {vectors.words[answer]} ({vectors.words[right_one]})"
            for said, answer, right_one in zip(words, answers, truth, strict=False)
        ]
    metrics |= {"analogies": right / asked, "analogy_questions": float(asked)}
    values: dict[str, Any] = {}
    for name in ASSOCIATIONS:
        found, values[name] = measure(vectors, name, cfg)
        metrics |= {f"weat_{name}": found.effect, f"weat_{name}_p": found.p_value}
        ways = "all" if found.exact else f"{cfg.draws} random"
        lines.append(
            f"{name}: effect {found.effect:.2f} (published {ASSOCIATIONS[name].published:.2f}), "
            f"p {found.p_value:.2g} over {ways} divisions; {len(values[name]['x'])} words a group"
        )
    draw_associations(values, metrics).save(run_dir / "associations.png")
    draw_analogies(vectors).save(run_dir / "analogies.png")
    (run_dir / "words.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, metrics, seconds, rows=asked)


def nearest_words(vectors: WordVectors, word: str, count: int) -> list[str]:
    """The `count` words with the largest cosine, best first."""
    row = vectors.row(word)
    near = nearest_rows(vectors.vectors, vectors.vectors[row], count, without=[row])
    return [vectors.words[i] for i in near]


def answer_relation(vectors: WordVectors, text: str) -> tuple[Host, Host, Host]:
    """Answers and truths `(Q,)`, questions `(Q, 3)`, of all ordered pairs of the pairs in `text`,
    those whose words all have vectors."""
    pairs = [tuple(pair.split()) for pair in text.split(",")]
    rows = [
        [vectors.place[w] for w in pair] for pair in pairs if all(w in vectors.place for w in pair)
    ]
    asked = np.array([[*one, *other] for one in rows for other in rows if one != other])
    return solve_analogies(vectors.vectors, asked[:, :3]), asked[:, 3], asked[:, :3]


def measure(vectors: WordVectors, name: str, cfg: Config) -> tuple[Association, dict[str, Any]]:
    """The association test of that name over the words that have vectors, as many of x as of y;
    and, for the picture, each word's s."""
    test = ASSOCIATIONS[name]
    x, y, a, b = (
        [word for word in group.split() if word in vectors.place]
        for group in (test.x, test.y, test.a, test.b)
    )
    x, y = x[: len(y)], y[: len(x)]
    groups = [vectors.of(words) for words in (x, y, a, b)]
    units = [unit(group) for group in groups]
    s = [(u @ units[2].T).mean(axis=1) - (u @ units[3].T).mean(axis=1) for u in units[:2]]
    return associate(*groups, draws=cfg.draws, seed=cfg.seed), {
        "x": dict(zip(x, s[0], strict=True)),
        "y": dict(zip(y, s[1], strict=True)),
        "sides": (a[0], b[0]),
    }


def draw_associations(values: dict[str, Any], metrics: Numbers) -> Figure:
    """Each word at its s, the groups in two rows, a panel a test."""
    figure = Figure(2, 2, size=(13, 7))
    for axis, (name, own) in zip(figure.axes, values.items(), strict=True):
        for height, (group, color) in enumerate((("y", "tab:orange"), ("x", "tab:blue"))):
            words = own[group]
            axis.scatter(list(words.values()), [height] * len(words), color=color, s=18)
            for i, (word, s) in enumerate(words.items()):
                place = (s, height + 0.06 + 0.13 * (i % 6))
                axis.annotate(word, place, fontsize=6, ha="center")
        effect, p = metrics[f"weat_{name}"], metrics[f"weat_{name}_p"]
        axis.axvline(0, color="gray", linewidth=0.6)
        axis.set(
            title=f"{name}: effect {effect:.2f}, p {p:.2g}",
            yticks=[],
            ylim=(-0.2, 2.0),
            xlabel=f"nearer to {own['sides'][1]}, ...  <  0  <  nearer to {own['sides'][0]}, ...",
        )
    return figure


def draw_analogies(vectors: WordVectors) -> Figure:
    """Two relations along their two principal directions, each pair joined by a line."""
    figure = Figure(1, 2, size=(12, 5.5))
    for axis, name in zip(figure.axes, ("family", "capital"), strict=True):
        pairs = [tuple(pair.split()) for pair in RELATIONS[name].split(",")]
        pairs = [pair for pair in pairs if all(word in vectors.place for word in pair)]
        points = unit(vectors.of([word for pair in pairs for word in pair]))
        points = points - points.mean(axis=0)
        places = points @ np.linalg.svd(points, full_matrices=False)[2][:2].T
        for i, pair in enumerate(pairs):
            ends = places[2 * i : 2 * i + 2]
            axis.plot(*ends.T, color="gray", linewidth=0.7, marker="o", markersize=3)
            for word, place in zip(pair, ends, strict=True):
                axis.annotate(word, place, fontsize=8)
        axis.set(title=f"{name}: pairs along two principal directions")
    return figure


if __name__ == "__main__":
    main(__file__)
