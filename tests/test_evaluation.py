"""Reading the corpora, splitting them, the 5-gram model, and the command that evaluates."""

import lzma

import numpy as np
import pytest

from workshop_lib import errors
from workshop_lib.__main__ import main
from workshop_lib.course import evaluation
from workshop_lib.course.evaluation import corpus, mix, ngrams


def test_probabilities_after_any_context_sum_to_one():
    tokens = np.random.default_rng(0).integers(0, 6, 300)
    orders = ngrams.fit(tokens, order=3)
    for context in ([0, 1], [5, 5], [2, 3]):
        rows = [np.array([*context, word]) for word in range(6)]
        total = sum(2 ** ngrams.log2_probabilities(orders, row, vocabulary=6)[-1] for row in rows)
        assert total == pytest.approx(1)


def test_a_frequent_continuation_is_likelier_than_one_never_seen():
    tokens = np.array([1, 2, 3] * 50 + [1, 2, 4])
    orders = ngrams.fit(tokens, order=3)
    seen, unseen = (ngrams.log2_probabilities(orders, np.array([1, 2, w]), 8)[-1] for w in (3, 5))
    assert seen > np.log2(0.8)
    assert unseen < np.log2(0.02)


def test_five_grams_agree_with_a_count_by_hand():
    """P(b|a) with discount D: (c(ab) − D)/c(a) + D·followers(a)/c(a) · P(b)."""
    tokens = np.array([0, 1, 0, 1, 0, 2, 0, 1, 2, 2])
    unigrams, bigrams = ngrams.fit(tokens, order=2)
    discount = bigrams.discount
    pairs = [tuple(tokens[i : i + 2]) for i in range(len(tokens) - 1)]
    counts = {pair: pairs.count(pair) for pair in set(pairs)}
    once, twice = (sum(c == n for c in counts.values()) for n in (1, 2))
    assert discount == pytest.approx(once / (once + 2 * twice))
    before = {w: len({a for a, b in counts if b == w}) for w in (0, 1, 2)}  # distinct words before
    lowest = unigrams.discount
    p_one = (before[1] - lowest) / sum(before.values()) + lowest * 3 / sum(before.values()) / 3
    total = sum(c for (a, _), c in counts.items() if a == 0)
    followers = sum(a == 0 for a, _ in counts)
    expected = (counts[0, 1] - discount) / total + discount * followers / total * p_one
    found = 2 ** ngrams.log2_probabilities([unigrams, bigrams], np.array([0, 1]), 3)[-1]
    assert found == pytest.approx(expected)


def test_the_split_depends_on_the_text_alone():
    sides = [corpus.split_of(f"Document {number}") for number in range(3000)]
    assert 10 < sides.count("test") < 60
    assert 10 < sides.count("valid") < 60
    assert sides == [corpus.split_of(f" Document {number}\n") for number in range(3000)]


def test_documents_are_read_from_a_packed_file(tmp_path):
    (tmp_path / "text").mkdir()
    with lzma.open(tmp_path / "text" / "two.txt.xz", "wt", encoding="utf-8") as file:
        file.write("<|doc|> One\nfirst\nline\n\n<|doc|> Two\nsecond\n")
    found = list(corpus.documents(tmp_path, "text/two.txt.xz"))
    assert found == [("One", "first\nline"), ("Two", "second")]
    with pytest.raises(errors.MissingFileError, match="--corpus DIR"):
        list(corpus.lines(tmp_path, "text/three.txt.xz"))


def test_cities_are_read_from_the_list_of_urban_areas():
    urban = "9.292 million LUANDA (capital), 959,000 Lubango, 905,000 Cabinda (2023)"
    assert [name.strip().title() for name in mix.CITY.findall(urban)] == ["Luanda", "Lubango", "Cabinda"]


def test_gaps_in_the_news_are_seen():
    assert mix.GAP.search("lunch with the of Brazil")
    assert mix.GAP.search("ministers were present: (Economy), ()")
    assert not mix.GAP.search("The president of Brazil had lunch in the palace.")


def test_unknown_role_and_missing_corpora(tmp_path, capsys):
    with pytest.raises(errors.UnknownNameError, match="Did you mean 'word_vectors'"):
        evaluation.figures("word_vector")
    assert main(["models", "evaluate", "word_vector"]) == 1
    assert "word_vector" in capsys.readouterr().err


def test_figures_are_shown_one_a_line():
    found = [
        evaluation.Figure("BLEU", 48.2, "1,000 sentences", needs_corpus=True),
        evaluation.Figure("chrF, beam 4", 66.0, "30 sentences"),
    ]
    first, second = evaluation.text(found).splitlines()
    assert first == "  BLEU          48.2  · 1,000 sentences (needs --corpus)"
    assert second.endswith("66.0  · 30 sentences")
