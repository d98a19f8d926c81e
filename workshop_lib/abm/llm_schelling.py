"""Schelling's model with movers who ask a chat model, beside those who follow the rule.

Whether somebody wants to move is the model's decision, given one sentence on the neighbours; where
to is the rule's, and so are the order and the end (:mod:`workshop_lib.abm.rules`). If the model
decided as the rule does, the run would be that of :func:`workshop_lib.abm.fast.run`, move for
move. A situation is asked about once: the group, the number of like neighbours, and of all. There
are 45 for a group, however large the board. Used in lesson 07.
"""

from __future__ import annotations

import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.abm.asker import Asker, CapReached
from workshop_lib.abm.beside import interval
from workshop_lib.abm.rules import (
    EMPTY,
    STEP_LIMIT,
    Rules,
    checked_board,
    checked_limit,
    checked_seed,
    classroom,
    like_and_all,
    neighbours,
    reason_to_stop,
    seat_agents,
    turns,
)
from workshop_lib.abm.schelling_prompts import WORDINGS, Situation, all_situations, request
from workshop_lib.errors import BadInputError
from workshop_lib.labeling.protocol import Answer
from workshop_lib.labeling.results import table
from workshop_lib.labeling.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from workshop_lib.labeling.protocol import Engine


class LLMSchelling:
    """Schelling's model whose movers ask a chat model.

    Whoever gets no usable answer stays, and the status is kept.

    Args:
        engine: any engine of labeling; its answers are yes (move) and no (stay).
        width, height, density, rules, seed, board: as for :class:`abm.Schelling`. The rules say
            who is happy only for comparison.
        personas: a sentence about each group, such as ("You are young.", "You are old."); None:
            the model gets none, and the groups share their answers.
        wording: the number of one of WORDINGS.
        folder: where answers are kept; the same folder again costs nothing. None: a temporary one.
        max_cost: US dollars that the folder's runs together never pass.
        price: dollars per million input and output tokens, instead of the price list's.

    Attributes:
        board: shape (height, width), int8. moves, steps, history: as of ``fast.run``.
        stopped: "all happy" (to go by the model: nobody wants to move), "nobody can gain", "step
            limit", or "cap"; "" before the end.
        met: how many turns called for a decision in each situation.

    Raises:
        BadInputError, SettingError: what rules.py checks, personas that don't match the groups,
            no such wording, or a cap that can't be kept.

    Used in lesson 07.
    """

    def __init__(
        self, engine: Engine, width: int = 8, height: int = 8, density: float = 0.8,
        rules: Rules = classroom(), seed: int = 7, *, board: np.ndarray | None = None,
        personas: Sequence[str] | None = None, wording: int = 0, folder: str | Path | None = None,
        max_cost: float | None = None, price: tuple[float, float] | None = None,
    ) -> None:  # fmt: skip
        if personas is not None and (
            isinstance(personas, str) or len(personas) != len(rules.groups)
        ):
            raise BadInputError(
                f"The personas are {personas!r}. "
                f"Give a sentence for each of {len(rules.groups)} groups."
            )
        if wording not in range(len(WORDINGS)):
            raise BadInputError(
                f"There is no wording {wording!r}. Choose a number from 0 to {len(WORDINGS) - 1}."
            )
        self.rules, self.seed, self.wording = rules, checked_seed(seed), wording
        self.personas = tuple(personas or [""] * len(rules.groups))
        self.rng = np.random.default_rng(self.seed)
        if board is None:
            self.board = seat_agents(width, height, density, rules, self.rng)
        else:
            self.board = checked_board(board, rules)
        self._size = {"width": width, "height": height, "density": density, "board": board}
        self.folder = Path(folder or tempfile.mkdtemp(prefix="workshop-schelling-"))
        self._asker = Asker(self.folder, engine, {"kind": "schelling"}, max_cost, price)
        self.answers: dict[Situation, Answer] = {}
        self.met: Counter[Situation] = Counter()  # how often a decision was called for
        self.steps, self.moves, self.stopped = 0, 0, ""
        self._rows: list[tuple] = []

    # Running ------------------------------------------------------------------------------------

    def step(self) -> int:
        """Play one round and return how many moved; nothing happens after the end.

        Raises:
            CapReached: a call could pass the cap. The round so far stays; answers are kept.
            StopRun: no call can succeed.
        """
        if self.stopped:
            return 0
        with self._asker.session():
            movers = self._who_would_move()
            if not self._rows:
                self._look()
            if not self._ended(len(movers), None):
                moved = sum(
                    self._take_turn(seat, draw)
                    for seat, draw in zip(*turns(self.rng, movers), strict=True)
                )
                self.moves, self.steps = self.moves + moved, self.steps + 1
                self._look()
                self._ended(len(self._who_would_move()), moved)
                return moved
        return 0

    def run(self, max_steps: int = 50) -> LLMSchelling:
        """Play until nobody wants to move, a round goes by without a move, or ``max_steps`` rounds.

        At the cap, it stops with a warning, and ``stopped`` is "cap".
        """
        limit = checked_limit(max_steps)
        while not self.stopped and self.steps < limit:
            try:
                self.step()
            except CapReached as error:
                warnings.warn(f"{error} The model stands after round {self.steps}.", stacklevel=2)
                self.stopped = "cap"
        self.stopped = self.stopped or STEP_LIMIT
        return self

    def _ended(self, movers: int, moved: int | None) -> bool:
        self.stopped = reason_to_stop(movers, moved, self.steps)
        return bool(self.stopped)

    def _who_would_move(self) -> np.ndarray:
        """Return the seats, counted row by row, whose agents would move; asks what is new."""
        seats = np.flatnonzero(self.board != EMPTY)
        like, every = (counts.ravel()[seats].tolist() for counts in self._counts())
        groups = self.board.ravel()[seats].tolist()
        seen = [self.situation(*one) for one in zip(groups, like, every, strict=True)]
        self.ask(seen)
        return seats[[self.moves_in(one) for one in seen]]

    def _take_turn(self, seat: int, draw: float) -> bool:
        place = divmod(int(seat), self.board.shape[1])
        group = int(self.board[place])
        like, every = (int(counts[place]) for counts in self._counts())
        now = self.situation(group, like, every)
        self.ask([now])
        self.met[now] += 1
        if not self.moves_in(now):
            return False
        self.board[place] = EMPTY  # as if one had left, so as not to be one's own neighbour
        around = neighbours(self.board, len(self.rules.groups), self.rules.torus)[group]
        free = self.board == EMPTY
        free[place] = False
        if self.rules.move == "better":
            likes = np.where(free, around, -1)
            free = (likes == likes.max()) & (likes > like)
        seats = np.flatnonzero(free)
        to = (
            divmod(int(seats[int(draw * len(seats))]), self.board.shape[1]) if len(seats) else place
        )
        self.board[to] = group
        return to != place

    def _counts(self) -> tuple[np.ndarray, np.ndarray]:
        return like_and_all(self.board, len(self.rules.groups), self.rules.torus)

    def _look(self) -> None:
        from workshop_lib.abm.measures import same_colour_share, share_happy

        happy = share_happy(self.board, self.rules)
        self._rows.append((self.moves, happy, same_colour_share(self.board, self.rules.torus)))

    # Deciding -----------------------------------------------------------------------------------

    def situation(self, group: int, like: int, every: int) -> Situation:
        """Return what an agent sees; without personas, the group makes no difference."""
        return Situation(group if any(self.personas) else 0, like, every)

    def ask(self, situations: Iterable[Situation]) -> None:
        """Ask the model about situations that it hasn't been asked about."""
        new = [one for one in dict.fromkeys(situations) if one not in self.answers]
        requests = {one: request(one, self.personas[one.group], self.wording) for one in new}
        unique = {made.item.id: made for made in requests.values()}
        if unique:
            with self._asker.session():
                found = dict(zip(unique, self._asker.answers(list(unique.values())), strict=True))
            self.answers |= {one: found[made.item.id] for one, made in requests.items()}

    def moves_in(self, situation: Situation) -> bool:
        """Return whether the model wants to move; without a usable answer, one stays."""
        return self.answers[situation].label == "yes"

    def rule_moves_in(self, situation: Situation) -> bool:
        """Return whether the rule wants to move: whether too few neighbours are alike."""
        return bool(situation.like < self.rules.needed[situation.every])

    # Looking ------------------------------------------------------------------------------------

    @property
    def history(self) -> pd.DataFrame:
        """Before the first round and after each: moves, share_happy (by the rule), same_colour."""
        import pandas as pd

        return pd.DataFrame(
            self._rows, columns=["moves", "share_happy", "same_colour"]
        ).rename_axis("step")

    def decisions(self, every: bool = False) -> pd.DataFrame:
        """Return what the model and the rule decide in each situation.

        Args:
            every: whether to ask about all 45 situations of each group, met or not.

        Returns:
            Table with group, like, neighbours, move (by the model), rule (by the rule), status,
            probability (of yes, if the engine gives one), agree (missing without a usable
            answer), and met: how many turns called for this decision.
        """
        import pandas as pd

        if every:
            self.ask(all_situations(len(self.rules.groups) if any(self.personas) else 1))
        rows = []
        for one, answer in sorted(self.answers.items()):
            usable, rule = answer.status == "ok", self.rule_moves_in(one)
            rows.append(
                {
                    "group": one.group, "like": one.like, "neighbours": one.every,
                    "move": self.moves_in(one) if usable else None, "rule": rule,
                    "status": answer.status,
                    "probability": (answer.probabilities or {}).get("yes", float("nan")),
                    "agree": self.moves_in(one) == rule if usable else None, "met": self.met[one],
                }
            )  # fmt: skip
        columns = [
            "group",
            "like",
            "neighbours",
            "move",
            "rule",
            "status",
            "probability",
            "agree",
            "met",
        ]
        return pd.DataFrame(rows, columns=columns).astype({"move": "boolean", "agree": "boolean"})

    def agreement(self, every: bool = True) -> pd.DataFrame:
        """Return how often the model decides as the rule does, by number of like neighbours.

        Args:
            every: over all situations, each counted once; False: over those that were asked about.

        Returns:
            Table by like (0 to 8): situations (with a usable answer), unusable, move (share in
            which the model would move), rule (share in which the rule would), agree (share), and
            low, high: the 95 % Wilson interval of agree over situations. In ``attrs``, over all:
            "agree", "move", "agree_turns" (each situation weighted by the turns that met it) and
            "constant": how often one agrees with the rule who always does the same.
        """
        import pandas as pd

        found = self.decisions(every)
        rows = {}
        for like, part in found.groupby("like"):
            good = part[part["status"] == "ok"]
            same = int(good["agree"].sum())
            low, high = interval(same, len(good))
            rows[like] = {
                "situations": len(good), "unusable": len(part) - len(good),
                "move": _share(good["move"]), "rule": _share(good["rule"]),
                "agree": _share(good["agree"]), "low": low, "high": high,
            }  # fmt: skip
        result = pd.DataFrame.from_dict(rows, orient="index").rename_axis("like")
        good = found[found["status"] == "ok"]
        rule, turns_met = _share(good["rule"]), int(good["met"].sum())
        agreed = int(good.loc[good["agree"], "met"].sum())
        result.attrs |= {
            "agree": _share(good["agree"]), "move": _share(good["move"]),
            "constant": max(rule, 1 - rule),
            "agree_turns": agreed / turns_met if turns_met else float("nan"),
        }  # fmt: skip
        return result

    def beside_rule(self, max_steps: int = 1000) -> pd.DataFrame:
        """Return the end of this run beside that of agents who follow the rule from the same start.

        Returns:
            Table with the rows "model" and "rule": steps, moves, stopped, and all measures.
        """
        import pandas as pd

        from workshop_lib.abm import fast
        from workshop_lib.abm.measures import measures

        ruled = fast.run(
            **self._size, rules=self.rules, seed=self.seed, max_steps=max_steps, compiled=False
        )
        rows = [
            {"steps": one.steps, "moves": one.moves, "stopped": one.stopped}
            | measures(one.board, self.rules)
            for one in (self, ruled)
        ]
        return pd.DataFrame(rows, index=["model", "rule"])

    @property
    def calls(self) -> pd.DataFrame:
        """All calls in the folder: label, status, model, tokens, cost (US dollars), seconds, …"""
        with Store(self.folder) as store:
            store.choose_all()
            return table(store)


def _share(values: pd.Series) -> float:
    return float(values.mean()) if len(values) else float("nan")
