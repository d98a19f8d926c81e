"""A small town whose people decide, remember and talk with a chat model.

:class:`GenerativeTown` holds the town, runs it tick by tick, and shows what happened. Each tick
is stored in a folder with all answers that the model gave, so that a town can go on from any tick
after whatever has happened. Source: Park et al. (2023), Generative Agents: Interactive Simulacra
of Human Behavior, UIST. Used in lesson 07.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from workshop_lib.abm.asker import Asker, CapReached
from workshop_lib.abm.beside import distance, usable
from workshop_lib.abm.chat import check_can_write
from workshop_lib.abm.inputs import number_between, one_of, whole_number
from workshop_lib.abm.memory import Embed, Vectors, as_table, checked_weights, who_knows
from workshop_lib.abm.town_people import read_town
from workshop_lib.abm.town_prompts import QUESTIONS, checked_style
from workshop_lib.abm.town_tick import Tick
from workshop_lib.abm.town_world import Settings, World, applied, changes, recall, time_of
from workshop_lib.errors import BadInputError, MissingFileError, SettingError, UnknownNameError
from workshop_lib.labeling.database import Lock, is_held
from workshop_lib.labeling.identity import canonical
from workshop_lib.labeling.results import table
from workshop_lib.labeling.store import FILE, Store

if TYPE_CHECKING:
    import pandas as pd

    from workshop_lib.labeling.protocol import Engine

LOG = (
    "tick",
    "day",
    "part",
    "name",
    "what",
    "choice",
    "text",
    "place",
    "other",
    "status",
    "default",
)
TICKS = "CREATE TABLE IF NOT EXISTS ticks (tick INTEGER PRIMARY KEY, changes TEXT NOT NULL)"
AS_BEFORE = object()


class GenerativeTown:
    """A town of agents with memory, plans, talk and reflection.

    A tick is a part of the day: morning, noon, afternoon, evening. ``town_tick.py`` says what
    happens in it, ``town_prompts.py`` what the model is told.

    Args:
        people: a table such as ``data.load("town")``; see :func:`town_people.read_town`.
        places: a table such as ``data.load("town_places")``.
        engine: a chat model: ``Chat(model, address)`` of labeling, or ``LocalChat()``.
        seed: of who meets whom first. The model's own chance is the engine's.
        folder: where ticks and answers are stored; None makes a temporary one, which
            ``town.folder`` names.
        max_cost: US dollars that the town never passes, earlier sessions in the folder included.
        style: "choices" suits small models, "lines" is as in the paper; see ``town_prompts.py``.
        rated: "asked": the model rates how important talk is; "rule": talk counts 5 of 10. What
            is seen and planned counts 2 in both, and what is planted what :meth:`tell` says.
        weights: of recency, importance and relevance when memories come to mind; None: all alike.
        reflect_at: a person reflects when the importance of new memories adds up to this.
        k: how many memories come to mind for a line or a reflection.
        embed: from n texts to vectors of shape (n, d); None takes the encoder.
        price: dollars per million input and output tokens, instead of the price list's.
        concurrency: calls at a time; None: 1 on this machine, 8 elsewhere.

    Raises:
        BadInputError: a table, number or engine won't do; the message says why.
        SettingError: the folder holds another town, or there is no such style.

    Used in lesson 07.
    """

    def __init__(
        self, people: pd.DataFrame, places: pd.DataFrame, engine: Engine, seed: int = 7,
        folder: str | Path | None = None, max_cost: float | None = None, *, style: str = "choices",
        rated: str = "asked", weights: Mapping[str, float] | None = None, reflect_at: float = 40,
        k: int = 3, embed: Embed | None = None, price: tuple[float, float] | None = None,
        concurrency: int | None = None,
    ) -> None:  # fmt: skip
        self.town = read_town(people, places)
        check_can_write(engine)
        self.settings = Settings(
            whole_number("seed", seed), checked_style(style),
            one_of("way to rate", rated, ("asked", "rule")), checked_weights(weights),
            number_between("reflect_at", reflect_at, 1), whole_number("k", k, 1),
        )  # fmt: skip
        self.vectors = Vectors(embed)
        self.folder = Path(folder or tempfile.mkdtemp(prefix="workshop-town-"))
        self._facts = {
            "people": people.to_dict("list"), "places": places.to_dict("list"),
            "town": self.settings, "embed": self.vectors.name,
        }  # fmt: skip
        self._asker = Asker(self.folder, engine, self._facts, max_cost, price, concurrency)
        self._world, self._before = World(), World()  # now, and at the end of the last tick but one
        if folder is not None:
            with self._asker.session():  # does the folder hold this town, or none?
                pass

    def __repr__(self) -> str:
        day, part = time_of(self._world.tick + 1)
        done = f"{len(self.town.people)} people, {self.tick_number} ticks done"
        return f"GenerativeTown({done}, next: {part} of day {day})"

    @classmethod
    def resume(
        cls, folder: str | Path, engine: Engine, tick: int | None = None,
        max_cost: float | None = AS_BEFORE,
        embed: Embed | None = None, concurrency: int | None = None, ask_again: bool = False,
    ) -> GenerativeTown:  # fmt: skip
        """Return a stored town as it was after a tick, to go on from there.

        What the model has answered isn't asked again, so the same ticks follow, at no cost; a call
        that failed stays failed. Later ticks are replaced only if they come out differently.

        Args:
            folder: that of the town.
            engine: the same, with the same settings.
            tick: the one after which to go on; None: the last; 0: the beginning.
            max_cost: a new cap for the whole town; left out: as before.
            embed: the function that the town had, if it had one of its own.
            concurrency: calls at a time.
            ask_again: whether calls that failed are made again, which may change what follows.

        Raises:
            MissingFileError: no town is stored there.
            UnknownNameError: it has no such tick.
            SettingError: the engine or a setting is another.
        """
        import pandas as pd

        none = f"No town is stored in {folder}. Give the folder of a GenerativeTown that has run."
        if not (Path(folder) / FILE).is_file():
            raise MissingFileError(none)
        with Store(folder) as store:
            facts = store.facts()
            store.database.execute(TICKS)
            rows = list(store.database.execute("SELECT tick, changes FROM ticks ORDER BY tick"))
        if "town" not in facts or not rows:
            raise MissingFileError(none)
        last = rows[-1][0]
        tick = last if tick is None else tick
        if tick not in [number for number, _ in rows]:
            raise UnknownNameError(
                f"The town in {folder} has no tick {tick!r}. Choose one from 0 to {last}."
            )
        own = facts["town"]
        town = cls(
            pd.DataFrame(facts["people"]), pd.DataFrame(facts["places"]), engine, own["seed"],
            folder, facts["max_cost"] if max_cost is AS_BEFORE else max_cost,
            style=own["style"], rated=own["rated"], weights=own["weights"],
            reflect_at=own["reflect_at"], k=own["k"], embed=embed,
            price=facts["price"] and tuple(facts["price"]), concurrency=concurrency,
        )  # fmt: skip
        town._asker.ask_again = ask_again
        for number, stored in rows[: tick + 1]:
            town._before = town._world if number == tick else town._before
            town._world = applied(town._world, json.loads(stored))
        return town

    # Running ------------------------------------------------------------------------------------

    @property
    def tick_number(self) -> int:
        """How many ticks are over."""
        return self._world.tick

    def tell(self, name: str, text: str, importance: float = 8) -> None:
        """Plant a memory, such as a piece of news, with one person; it is stored at once.

        Args:
            name: who gets to know.
            text: what.
            importance: 1 (everyday) to 10.
        """
        one_of("person", name, tuple(self.town.people))
        if not isinstance(text, str) or not text.strip():
            raise BadInputError(f"The news is {text!r}. Write a sentence.")
        number_between("importance", importance, 1, 10)
        world = self._world.copy()
        world.remember(name, "observation", text.strip(), importance, said=text.strip())
        row = dict.fromkeys(LOG, "") | {
            "tick": world.tick,
            "name": name,
            "what": "told by you",
            "text": text.strip(),
        }
        world.log.append(row | {"day": 0, "status": "rule", "default": False})
        with self._asker.session() as store:
            self._save(store, self._before, world)
        self._world = world

    def tick(self) -> pd.DataFrame:
        """Let one part of the day go by, store it, and return its part of the log.

        Raises:
            CapReached: the tick's next calls could pass the cap. The town stays as it was after
                the tick before, and keeps the answers.
            StopRun: no call can succeed, such as with a wrong key. Likewise.
            SettingError: another process is running this town.
        """
        world = self._world.copy()
        with self._asker.session() as store, _alone(self.folder):
            self._store_beginning(store)
            Tick(self.town, world, self.settings, self.vectors, self._asker.answers).run()
            self._save(store, self._world, world)
        self._before, self._world = self._world, world
        new = self.log[self.log["tick"] == world.tick].reset_index(drop=True)
        errors = int((new["status"] == "error").sum())
        if errors:
            warnings.warn(
                f"In tick {world.tick}, {errors} of {len(new)} calls failed, and the default was "
                "done instead; town.calls says why in the column 'detail'. To ask again: "
                f"GenerativeTown.resume({str(self.folder)!r}, engine, tick={world.tick - 1}, "
                "ask_again=True)",
                stacklevel=2,
            )
        return new

    def run(self, ticks: int, progress: bool = True) -> pd.DataFrame:
        """Let several ticks go by and return the whole log; at the cap, it stops with a warning.

        Args:
            ticks: how many; four are a day.
            progress: whether to show a bar.
        """
        from tqdm.auto import tqdm

        ticks = whole_number("ticks", ticks, 1)
        bar = tqdm(total=ticks, desc="town", unit="tick", disable=not progress)
        with bar, self._asker.session():
            for _ in range(ticks):
                try:
                    self.tick()
                except CapReached as error:
                    warnings.warn(
                        f"{error} The town stands after tick {self.tick_number}. For more: "
                        f"GenerativeTown.resume({str(self.folder)!r}, engine, max_cost=…)",
                        stacklevel=2,
                    )
                    break
                bar.update()
        return self.log

    def _store_beginning(self, store: Store) -> None:
        """Store tick 0, unless something was planted before, which has stored it."""
        store.database.execute(TICKS)
        if self._world.tick == 0:
            self._save(store, World(), self._world)

    def _save(self, store: Store, before: World, world: World) -> None:
        """Store what a tick has changed; later ticks of another course are dropped with it."""
        text = json.dumps(json.loads(canonical(changes(before, world), sort=False)))
        database = store.database
        database.execute(TICKS)
        with database.transaction(durable=True):
            old = database.execute(
                "SELECT changes FROM ticks WHERE tick = ?", (world.tick,)
            ).fetchone()
            if old != (text,):
                database.execute("DELETE FROM ticks WHERE tick >= ?", (world.tick,))
                database.execute("INSERT INTO ticks VALUES (?, ?)", (world.tick, text))

    # Looking ------------------------------------------------------------------------------------

    @property
    def log(self) -> pd.DataFrame:
        """What everybody did and said: a row for each decision and line.

        Columns: tick, day, part, name, what (the question, or "told by you"), choice (the answer
        taken), text, place, other (to whom), status (of the call), default (whether the answer
        couldn't be used and the default was done).
        """
        import pandas as pd

        return pd.DataFrame(self._world.log, columns=LOG)

    def memories(self, name: str | None = None) -> pd.DataFrame:
        """Return a person's memories, or all; ``evidence`` has the numbers of what they rest on."""
        if name is not None:
            one_of("person", name, tuple(self.town.people))
        return as_table(one for one in self._world.memories if name in (None, one.name))

    def retrieve(
        self, name: str, query: str, k: int = 5, weights: Mapping[str, float] | None = None
    ) -> pd.DataFrame:
        """Return the memories that come to a person's mind, with their three scores.

        Looking changes nothing: what you retrieve doesn't count as having come to mind.

        Args:
            name: whose memories.
            query: about what.
            k: how many at most.
            weights: of "recency", "importance", "relevance"; None: the town's own.

        Returns:
            Table with number, tick, kind, text, recency, importance, relevance and score.
        """
        one_of("person", name, tuple(self.town.people))
        chosen = self.settings.weights if weights is None else weights
        return recall(self._world, self.vectors, name, str(query), chosen).head(
            whole_number("k", k, 1)
        )

    def spread(self, marker: str) -> pd.DataFrame:
        """Return who knows a piece of news, since when, from whom: :func:`memory.who_knows`."""
        return who_knows(self._world.memories, list(self.town.people), marker)

    @property
    def calls(self) -> pd.DataFrame:
        """All calls in the folder: label, status, model, tokens, cost (US dollars), seconds, …"""
        if not (self.folder / FILE).is_file():
            raise MissingFileError(f"No tick is stored in {self.folder} yet. Run one: town.tick()")
        with Store(self.folder) as store:
            store.choose_all()
            return table(store)

    def usable(self) -> pd.DataFrame:
        """Return for each question how many answers could be used, with seconds, tokens and cost.

        Usable means that the form is right: one of the options, or one line of words. It doesn't
        mean that the answer makes sense; read ``town.log`` for that.

        Returns:
            Table by question: calls, usable, share, seconds (mean of a call), input_tokens,
            output_tokens and cost (sums), and "all" in the last row.
        """
        return usable(self.calls, QUESTIONS)

    def beside_habits(self) -> pd.DataFrame:
        """Return how often people did each activity, and how often their habits would have had it.

        The rule model is the column of habits: everybody does what he or she always does. Only
        moves that the model decided are counted, not those done by default. A whole town of the
        rule model is ``GenerativeTown(people, places, beside.ByHabit())``. Whether people would
        do the same is another question; it takes data on people, such as a time-use survey, whose
        shares :func:`beside.distance` compares with these.

        Returns:
            Table by activity: decided (share of moves), habit (share in the same moves); in
            ``attrs`` the number of moves, the share kept (equal to the habit) and the total
            variation distance.
        """
        moves = self.log[(self.log["what"] == "move") & ~self.log["default"].astype(bool)]
        habits = [
            self.town.people[name].habits[part]
            for name, part in zip(moves["name"], moves["part"], strict=True)
        ]
        result = distance(list(moves["choice"]), habits, self.town.activities, ("decided", "habit"))
        result.attrs["kept"] = (
            float((moves["choice"] == habits).mean()) if len(moves) else float("nan")
        )
        return result


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let no other process run the same town meanwhile."""
    file = folder / "tick.lock"
    if is_held(file):
        raise SettingError(
            f"Another program is running the town in {folder}. Wait for it, or give another folder."
        )
    lock = Lock(file)
    try:
        yield
    finally:
        lock.end()
