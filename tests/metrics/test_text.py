"""BLEU against sacrebleu; ROUGE-L and CIDEr-D by hand."""

import math

import numpy as np
import pytest

from jaxdl.metrics.text import corpus_bleu, corpus_cider_d, longest_common, rouge_l

WORDS = ["a", "the", "cat", "dog", "sits", "runs", "on", "mat", "red", "big"]


def sentences(count, seed, most=12):
    rng = np.random.default_rng(seed)
    return [list(rng.choice(WORDS, rng.integers(4, most))) for _ in range(count)]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_bleu_is_sacrebleus(order):
    sacrebleu = pytest.importorskip("sacrebleu")
    references = [sentences(30, seed) for seed in (1, 2, 3)]
    candidates = [[*own[:-1], "mat"] for own in sentences(30, 1)]  # near the first reference
    theirs = sacrebleu.metrics.BLEU(tokenize="none", smooth_method="none", max_ngram_order=order)
    texts = [[" ".join(words) for words in own] for own in references]
    want = theirs.corpus_score([" ".join(words) for words in candidates], texts).score
    got = corpus_bleu(candidates, list(zip(*references, strict=True)), order=order)
    assert want > 5
    np.testing.assert_allclose(100 * got, want, rtol=1e-6)


def test_bleu_clips_counts_and_punishes_shortness():
    seven = [["the"] * 7]
    cat = [[["the", "cat", "is", "on", "the", "mat"]]]
    np.testing.assert_allclose(corpus_bleu(seven, cat, order=1), 2 / 7)  # the paper's example
    np.testing.assert_allclose(corpus_bleu([["the", "cat"]], cat, order=1), math.exp(1 - 6 / 2))
    assert corpus_bleu(seven, cat) == 0.0


def test_rouge_l_on_the_papers_sentences():
    reference = ["police", "killed", "the", "gunman"]
    assert longest_common(["police", "kill", "the", "gunman"], reference) == 3
    assert longest_common(["the", "gunman", "kill", "police"], reference) == 2
    np.testing.assert_allclose(rouge_l(["police", "kill", "the", "gunman"], [reference]), 0.75)
    np.testing.assert_allclose(rouge_l(["the", "gunman", "kill", "police"], [reference]), 0.5)
    long = ["the", "gunman", "was", "killed", "by", "the", "police"]
    p, r = 2 / 4, 2 / 7  # the best precision and recall over the references
    by_hand = lambda beta: (1 + beta**2) * p * r / (r + beta**2 * p)  # noqa: E731
    for beta in (1.0, 1.2):
        got = rouge_l(["the", "gunman", "kill", "police"], [long], beta=beta)
        p, r = 3 / 4, 3 / 7  # the gunman ... police
        np.testing.assert_allclose(got, by_hand(beta))
    assert rouge_l([], [reference]) == 0.0


def grams(words, n):
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def rarity(gram, references):
    having = sum(any(gram in grams(r, len(gram)) for r in texts) for texts in references)
    return math.log(len(references)) - math.log(max(1, having))


def cider_in_loops(candidates, references, sigma):
    total = 0.0
    for words, own in zip(candidates, references, strict=True):
        for n in range(1, 5):
            for reference in own:
                a, b = grams(words, n), grams(reference, n)
                keys = sorted(set(a) | set(b))
                x = np.array([a.count(k) * rarity(k, references) for k in keys])
                y = np.array([b.count(k) * rarity(k, references) for k in keys])
                norm = np.linalg.norm(x) * np.linalg.norm(y)
                cosine = np.minimum(x, y) @ y / norm if norm else 0.0
                gap = np.exp(-((len(words) - len(reference)) ** 2) / (2 * sigma**2))
                total += 10 * gap * cosine / 4 / len(own)
    return total / len(candidates)


@pytest.mark.parametrize("sigma", [6.0, 2.0])
def test_cider_d_is_the_formula_in_loops(sigma):
    candidates, references = (
        sentences(5, 1),
        list(zip(sentences(5, 1), sentences(5, 2), strict=True)),
    )
    candidates[1] = candidates[1][:4]
    got = corpus_cider_d(candidates, references, sigma=sigma)
    np.testing.assert_allclose(got, cider_in_loops(candidates, references, sigma), rtol=1e-9)


def test_a_caption_that_is_its_only_reference_scores_ten():
    texts = [["red", "cat", "sits", "here"], ["blue", "dog", "runs", "far"]]
    np.testing.assert_allclose(corpus_cider_d(texts, [[t] for t in texts]), 10)


def test_candidates_need_references():
    with pytest.raises(ValueError, match="each candidate needs one or more references"):
        corpus_bleu([["a"]], [[]])
