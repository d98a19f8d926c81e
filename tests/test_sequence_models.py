"""The readers of lesson 02: their task, their sizes, and what little training shows."""

import pytest
import torch

from workshop_lib import sequence_models as models
from workshop_lib.errors import BadInputError, UnknownNameError


def test_the_answer_is_the_vote_of_the_speaker_asked():
    asked = models.meetings(200, turns=12, votes=3, seed=5)
    for one in range(200):
        votes = [
            (speaker, word, turn)
            for turn, (speaker, word, kind) in enumerate(
                zip(asked.speakers[one], asked.words[one], asked.kinds[one])
            )
            if kind == models.VOTE
        ]
        assert len(votes) == len({int(speaker) for speaker, _, _ in votes}) == 3
        [(word, turn)] = [
            (word, turn) for speaker, word, turn in votes if speaker == asked.speakers[one, -1]
        ]
        assert word == asked.answers[one]
        assert asked.distances[one] == 12 - turn
        assert asked.kinds[one, -1] == models.QUESTION
        assert asked.words[one, -1] == models.WORDS


def test_distances_and_answers_are_spread_evenly():
    asked = models.meetings(12_000, turns=12, votes=3)
    assert asked.distances.bincount(minlength=13)[1:].min() > 850
    assert asked.answers.bincount(minlength=models.WORDS).min() > 1300


def test_the_seed_decides_the_meetings():
    one, same, other = (models.meetings(20, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.words, same.words)
    assert not torch.equal(one.words, other.words)


@pytest.mark.parametrize("votes", [0, 9])
def test_too_many_or_no_votes(votes):
    with pytest.raises(BadInputError, match="Choose from 1 to"):
        models.meetings(3, votes=votes)


def test_all_readers_are_of_about_one_size():
    sizes = [models.parameters(name) for name in models.NAMES]
    assert max(sizes) / min(sizes) < 1.25, sizes


@pytest.mark.parametrize("name", models.NAMES)
def test_a_reader_scores_every_answer_and_uses_early_turns(name):
    asked = models.meetings(5, turns=6, votes=2)
    torch.manual_seed(0)
    reader = models.Reader(name, turns=6)
    scores = reader(asked.speakers, asked.words, asked.kinds)
    assert scores.shape == (5, models.WORDS)
    changed = asked.words.clone()
    changed[:, 0] = (changed[:, 0] + 1) % models.WORDS
    assert not torch.allclose(scores, reader(asked.speakers, changed, asked.kinds))


def test_training_is_repeatable_and_leaves_the_threads_alone():
    threads = torch.get_num_threads()
    first, second = (models.train("LSTM", 512, turns=4, votes=1, seed=3) for _ in range(2))
    for one, other in zip(first.parameters(), second.parameters()):
        assert torch.equal(one, other)
    assert torch.get_num_threads() == threads


def test_the_transformer_learns_a_short_meeting_and_an_untrained_one_guesses():
    trained = models.train("Transformer", 8000, turns=6, votes=2)
    examined = models.examine(trained, turns=6, votes=2, n=1000)
    assert examined["correct"].mean() > 0.9
    torch.manual_seed(0)
    guessing = models.examine(models.Reader("Transformer", 6).eval(), turns=6, votes=2, n=1000)
    assert guessing["correct"].mean() < 0.25
    assert set(examined["distance"]) == set(range(1, 7))
    assert not (examined["correct"] & examined["other_vote"]).any()


def test_compare_has_every_reader():
    examined = models.compare(("RNN", "LSTM"), sequences=256, turns=4, votes=1)
    assert list(examined["reader"].unique()) == ["RNN", "LSTM"]


def test_bad_requests():
    with pytest.raises(UnknownNameError, match="no reader 'GRU'"):
        models.Reader("GRU", 4)
    with pytest.raises(BadInputError, match="don't fill one batch"):
        models.train("RNN", sequences=10)
