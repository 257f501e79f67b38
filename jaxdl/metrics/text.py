"""Scores of written sentences against references: BLEU, ROUGE-L, CIDEr-D. Plain Python.

Sentences are lists of words; `references[i]` are all references of `candidates[i]`.
"""

import math
from collections import Counter
from collections.abc import Sequence

from jaxdl.checks import check_positive

Words = Sequence[str]
References = Sequence[Sequence[Words]]


def count_ngrams(words: Words, n: int) -> Counter[tuple[str, ...]]:
    """How often each run of n words occurs."""
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def corpus_bleu(candidates: Sequence[Words], references: References, *, order: int = 4) -> float:
    """BLEU of a corpus (Papineni et al. 2002, section 2.3), without smoothing: 0 to 1.

    BP exp(mean_n log p_n); p_n counts a run at most as often as the reference that has it most;
    BP = min(1, exp(1 - r / c)), r the sum of the reference lengths closest to the candidates'.
    """
    _check(candidates, references)
    check_positive("corpus_bleu: order", order)
    matched, total = [0] * order, [0] * order
    length, closest = 0, 0
    for words, own in zip(candidates, references, strict=True):
        length += len(words)
        closest += min((abs(len(r) - len(words)), len(r)) for r in own)[1]
        for n in range(1, order + 1):
            counts, most = count_ngrams(words, n), Counter()
            for reference in own:
                most |= count_ngrams(reference, n)
            matched[n - 1] += sum((counts & most).values())
            total[n - 1] += sum(counts.values())
    if not all(matched):
        return 0.0
    precision = sum(math.log(m / t) for m, t in zip(matched, total, strict=True)) / order
    return math.exp(min(0.0, 1 - closest / length) + precision)


def longest_common(a: Words, b: Words) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for word in a:
        before = row
        row = [0]
        for j, other in enumerate(b):
            row.append(before[j] + 1 if word == other else max(before[j + 1], row[j]))
    return row[-1]


def rouge_l(candidate: Words, references: Sequence[Words], *, beta: float = 1.2) -> float:
    """ROUGE-L (Lin 2004, eqs. 2-4, and the best of several references, as COCO's scorer takes it).

    F = (1 + beta^2) R P / (R + beta^2 P), P and R the largest LCS / length over the references.
    """
    lengths = [(longest_common(candidate, own), len(own)) for own in references]
    precision = max((common / len(candidate) if candidate else 0.0) for common, _ in lengths)
    recall = max((common / size if size else 0.0) for common, size in lengths)
    if not precision or not recall:
        return 0.0
    return (1 + beta**2) * precision * recall / (recall + beta**2 * precision)


def corpus_rouge_l(candidates: Sequence[Words], references: References) -> float:
    """The mean of `rouge_l`."""
    _check(candidates, references)
    pairs = zip(candidates, references, strict=True)
    return sum(rouge_l(words, own) for words, own in pairs) / len(candidates)


def corpus_cider_d(
    candidates: Sequence[Words], references: References, *, order: int = 4, sigma: float = 6.0
) -> float:
    """CIDEr-D (Vedantam et al. 2015, arXiv 1411.5726, eq. 3 and section 5), without stemming.

    10 mean_n mean_j exp(-(l_c - l_j)^2 / (2 sigma^2)) min(g_c, g_j) . g_j / (|g_c| |g_j|), g the
    counts of runs of n words times log(number of images / images whose references have the run).
    """
    _check(candidates, references)
    check_positive("corpus_cider_d: sigma", sigma)
    documents = Counter(
        gram
        for own in references
        for gram in {g for r in own for n in range(1, order + 1) for g in count_ngrams(r, n)}
    )
    log_size = math.log(len(references))

    def weigh(words: Words, n: int) -> dict[tuple[str, ...], float]:
        counts = count_ngrams(words, n)
        return {g: c * (log_size - math.log(max(documents[g], 1))) for g, c in counts.items()}

    total = 0.0
    for words, own in zip(candidates, references, strict=True):
        for n in range(1, order + 1):
            ours = weigh(words, n)
            for reference in own:
                gap = math.exp(-((len(words) - len(reference)) ** 2) / (2 * sigma**2))
                total += 10 * gap * _clipped_cosine(ours, weigh(reference, n)) / order / len(own)
    return total / len(candidates)


def _clipped_cosine(
    ours: dict[tuple[str, ...], float], theirs: dict[tuple[str, ...], float]
) -> float:
    norms = math.hypot(*ours.values()) * math.hypot(*theirs.values())
    if not norms:
        return 0.0
    return sum(min(ours.get(g, 0.0), w) * w for g, w in theirs.items()) / norms


def _check(candidates: Sequence[Words], references: References) -> None:
    if not candidates or len(candidates) != len(references) or not all(references):
        raise ValueError(
            f"each candidate needs one or more references, got {len(candidates)} candidates and "
            f"{[len(own) for own in references][:5]} references"
        )
