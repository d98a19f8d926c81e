"""Four ways to read a sequence, from the recurrent network to the Transformer, on one task.

The task is taken from the minutes of a meeting. Each turn has a speaker and a word. A few
turns are votes: their word counts, and must be kept. All other turns are talk. At the end the
reader is asked for the vote of one speaker. How many turns ago that vote was cast is the
distance. Used in lesson 02.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from workshop_lib.attention import attend, one_thread
from workshop_lib.errors import BadInputError, UnknownNameError, closest

if TYPE_CHECKING:
    import pandas as pd

SPEAKERS = 8
WORDS = 8  # a guess is right once in eight times
TALK, VOTE, QUESTION = 0, 1, 2

# The reader's name: its width, so that all have about the same number of parameters.
WIDTHS = {"RNN": 96, "LSTM": 48, "LSTM with attention": 48, "Transformer": 48}
NAMES = tuple(WIDTHS)


class Meetings(NamedTuple):
    """A batch of meetings, each with its question as the last turn."""

    speakers: Tensor  # Shape: (b, turns + 1); whole numbers below SPEAKERS
    words: Tensor  # Shape: (b, turns + 1); below WORDS, and WORDS in the question
    kinds: Tensor  # Shape: (b, turns + 1); TALK, VOTE or QUESTION
    answers: Tensor  # Shape: (b,); the word of the vote asked for
    distances: Tensor  # Shape: (b,); how many turns ago it was cast


def meetings(n: int, turns: int = 24, votes: int = 3, seed: int = 0) -> Meetings:
    """Draw meetings at random, with the question who voted how.

    Args:
        n: how many.
        turns: turns in each, before the question.
        votes: how many of the turns are votes, each by another speaker.
        seed: the same seed draws the same meetings.

    Returns:
        The meetings; the vote asked for is equally likely to be at each distance.

    Raises:
        BadInputError: there are more votes than speakers or turns.

    Used in lesson 02.
    """
    if not 1 <= votes <= min(SPEAKERS, turns):
        raise BadInputError(
            f"{votes} votes don't fit {turns} turns and {SPEAKERS} speakers. "
            f"Choose from 1 to {min(SPEAKERS, turns)}."
        )
    draw = torch.Generator().manual_seed(seed)
    speakers = torch.randint(SPEAKERS, (n, turns), generator=draw)
    words = torch.randint(WORDS, (n, turns), generator=draw)
    voters = torch.rand(n, SPEAKERS, generator=draw).argsort(1)[:, :votes]  # Shape: (n, votes)
    voting_turns = torch.rand(n, turns, generator=draw).argsort(1)[:, :votes]
    speakers.scatter_(1, voting_turns, voters)
    kinds = torch.full((n, turns), TALK).scatter_(1, voting_turns, VOTE)
    asked = voting_turns[:, :1]  # the votes come in random order, so the first is any one
    last = torch.ones(n, 1, dtype=torch.long)
    return Meetings(
        speakers=torch.cat([speakers, voters[:, :1]], dim=1),
        words=torch.cat([words, WORDS * last], dim=1),
        kinds=torch.cat([kinds, QUESTION * last], dim=1),
        answers=words.gather(1, asked)[:, 0],
        distances=turns - asked[:, 0],
    )


class Reader(nn.Module):
    """Reads a meeting turn by turn, or all at once, and answers the question at its end.

    ``RNN``: one state, rewritten at every turn (Elman 1990).
    ``LSTM``: a state with gates that decide what to keep (Hochreiter and Schmidhuber 1997).
    ``LSTM with attention``: the last state looks back at all earlier ones (after Bahdanau et
    al. 2015, whose networks were recurrent, with other gates).
    ``Transformer``: no state; every turn looks at every turn (Vaswani et al. 2017).
    """

    def __init__(self, name: str, turns: int, width: int | None = None):
        """Make an untrained reader.

        Args:
            name: one of NAMES.
            turns: the longest meeting that it can read.
            width: of its vectors; None takes the one in WIDTHS.
        """
        super().__init__()
        if name not in WIDTHS:
            raise UnknownNameError(f"There is no reader '{name}'. {closest(name, list(NAMES))}")
        width = width or WIDTHS[name]
        self.name = name
        self.speaker = nn.Embedding(SPEAKERS, width)
        self.word = nn.Embedding(WORDS + 1, width)
        self.kind = nn.Embedding(3, width)
        if name == "RNN":
            self.layer = nn.RNN(width, width, batch_first=True)
        elif name == "Transformer":
            self.place = nn.Parameter(0.02 * torch.randn(turns + 1, width))
            self.layer = nn.TransformerEncoderLayer(
                width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True
            )
        else:
            self.layer = nn.LSTM(width, width, batch_first=True)
        self.answer = nn.Linear(2 * width if name == "LSTM with attention" else width, WORDS)

    def forward(self, speakers: Tensor, words: Tensor, kinds: Tensor) -> Tensor:
        """Return a score for each possible answer, Shape (b, WORDS).

        Args:
            speakers, words, kinds: Shape (b, n) each.
        """
        turns = self.speaker(speakers) + self.word(words) + self.kind(kinds)  # (b, n, width)
        if self.name == "Transformer":
            states = self.layer(turns + self.place[: turns.shape[1]])  # Shape: (b, n, width)
            return self.answer(states[:, -1])
        states, _ = self.layer(turns)  # Shape: (b, n, width)
        last = states[:, -1]  # Shape: (b, width)
        if self.name == "LSTM with attention":
            earlier = states[:, :-1]  # Shape: (b, n - 1, width)
            found, _ = attend(last[:, None], earlier, earlier)  # Shape: (b, 1, width)
            last = torch.cat([last, found[:, 0]], dim=-1)  # Shape: (b, 2 width)
        return self.answer(last)


def parameters(name: str, turns: int = 24) -> int:
    """Return how many numbers a reader learns."""
    return sum(one.numel() for one in Reader(name, turns).parameters())


def train(
    name: str,
    sequences: int = 48_000,
    turns: int = 24,
    votes: int = 3,
    seed: int = 0,
    batch: int = 128,
    learning_rate: float = 3e-3,
) -> Reader:
    """Train a reader on meetings that it sees once each.

    Args:
        name: one of NAMES.
        sequences: how many meetings it learns from.
        turns, votes: see :func:`meetings`.
        seed: for its first weights and for the meetings.
        batch: meetings per step.
        learning_rate: the highest; it rises to it and falls again (one cycle, Adam).

    Returns:
        The trained reader, in evaluation mode.

    Raises:
        BadInputError: fewer sequences than one batch.

    Used in lesson 02.
    """
    if sequences < batch:
        raise BadInputError(
            f"{sequences} sequences don't fill one batch of {batch}. Give at least {batch}."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        reader = Reader(name, turns)
    optimiser = torch.optim.Adam(reader.parameters(), lr=learning_rate)
    steps = sequences // batch
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps)
    lessons = meetings(steps * batch, turns, votes, seed=seed + 1)
    with one_thread():
        for step in range(steps):
            part = slice(step * batch, (step + 1) * batch)
            scores = reader(lessons.speakers[part], lessons.words[part], lessons.kinds[part])
            loss = nn.functional.cross_entropy(scores, lessons.answers[part])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
            optimiser.step()
            pace.step()
    return reader.eval()


def examine(
    reader: Reader, turns: int = 24, votes: int = 3, seed: int = 10_000, n: int = 6000
) -> pd.DataFrame:
    """Ask a reader about meetings that it hasn't seen.

    Args:
        reader: a trained one.
        turns, votes: see :func:`meetings`.
        seed: another than in training.
        n: how many meetings.

    Returns:
        One row per meeting: reader, distance, correct, and other_vote: True where the wrong
        answer is the word of another speaker's vote.

    Used in lesson 02.
    """
    import pandas as pd

    asked = meetings(n, turns, votes, seed)
    with torch.no_grad():
        guesses = reader(asked.speakers, asked.words, asked.kinds).argmax(-1)  # Shape: (n,)
    correct = guesses == asked.answers
    voted = ((asked.words == guesses[:, None]) & (asked.kinds == VOTE)).any(-1)  # Shape: (n,)
    return pd.DataFrame(
        {
            "reader": reader.name,
            "distance": asked.distances.numpy(),
            "correct": correct.numpy(),
            "other_vote": (voted & ~correct).numpy(),
        }
    )


def compare(
    names: tuple[str, ...] = NAMES,
    sequences: int = 48_000,
    turns: int = 24,
    votes: int = 3,
    seed: int = 0,
) -> pd.DataFrame:
    """Train several readers on the same meetings and examine each.

    Args:
        names: some of NAMES.
        sequences, turns, votes, seed: see :func:`train`.

    Returns:
        The rows of :func:`examine` for all of them.

    Used in lesson 02.
    """
    import pandas as pd

    return pd.concat(
        [examine(train(name, sequences, turns, votes, seed), turns, votes) for name in names],
        ignore_index=True,
    )
