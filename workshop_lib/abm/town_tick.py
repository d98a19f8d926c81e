"""What happens in a tick of the town: plan, move, notice, talk, weigh, reflect.

An answer that is no answer (nonsense, a refusal, an error) never stops a tick. Its status is
logged, and the person does the default:

| question   | by default                                                         |
|------------|--------------------------------------------------------------------|
| plan       | the person's habit in the afternoon                                |
| move       | the person's habit in this part of the day                         |
| partner    | somebody with a tie to the person, or else the first one met       |
| tell       | says nothing about it                                              |
| line       | isn't said, and then there is no reply either                      |
| reply      | isn't said                                                         |
| importance | 5 of 10                                                            |
| reflection | there is none, and the count of importance begins anew             |

Used in lesson 07.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from workshop_lib.abm import town_prompts as prompts
from workshop_lib.abm.memory import Memory, Vectors
from workshop_lib.abm.town_people import PARTS, WHEN, Person, Town
from workshop_lib.abm.town_world import Settings, World, recall, time_of
from workshop_lib.labeling.protocol import Answer, Request

EVERYDAY, MIDDLING = 2.0, 5.0  # importance of what is seen and planned; of what nobody could rate
AFTERNOON = PARTS[2]
Answers = Callable[[Sequence[Request]], list[Answer]]


class Tick:
    """One tick on a world; nothing outside the world is changed.

    Args:
        town: people and places.
        world: is changed.
        settings: how people remember and are asked.
        vectors: for the relevance of memories.
        answers: asks the model; from requests to answers.
    """

    def __init__(
        self, town: Town, world: World, settings: Settings, vectors: Vectors, answers: Answers
    ) -> None:
        self.town, self.world, self.settings = town, world, settings
        self.vectors, self.answers = vectors, answers
        world.tick += 1
        self.day, self.part = time_of(world.tick)
        self.rng = np.random.default_rng([settings.seed, world.tick])
        self.people = list(town.people.values())
        self.to_weigh: list[int] = []  # numbers of new memories whose importance is asked for

    def run(self) -> None:
        """Let everybody live through the tick."""
        if self.part == PARTS[0]:
            self.plan()
        self.move()
        self.notice()
        self.talk()
        self.weigh()
        self.reflect()

    # Each of these asks for all people at once where no answer depends on another.

    def plan(self) -> None:
        """Each person plans the day with what comes to mind."""
        activities, style = self.town.activities, self.settings.style
        minds = [self.come_to_mind(one, "What matters today?", 1) for one in self.people]
        asked = [
            prompts.plan(self.world.tick, one, activities, [memory.text for memory in mind], style)
            for one, mind in zip(self.people, minds, strict=True)
        ]
        for one, mind, answer in zip(self.people, minds, self.answers(asked), strict=True):
            chosen = answer.label or one.habits[AFTERNOON]
            if style == "lines" and answer.status == "ok":
                text = f"{one.name} plans: {answer.label}"
            else:
                text = f"{one.name} wants to make time for {chosen} today."
            self.world.plans[one.name] = text
            evidence = tuple(memory.number for memory in mind)
            self.world.remember(one.name, "plan", text, EVERYDAY, evidence=evidence)
            self.note(one, "plan", chosen, text, answer)

    def move(self) -> None:
        """Each person goes where he or she wants to be."""
        tick, plans, activities = self.world.tick, self.world.plans, self.town.activities
        asked = [
            prompts.move(tick, one, activities, self.part, plans[one.name]) for one in self.people
        ]
        for one, answer in zip(self.people, self.answers(asked), strict=True):
            activity = answer.label or one.habits[self.part]
            place = self.town.place_for(one, activity)
            self.world.places[one.name] = place
            self.note(one, "move", activity, f"{one.name} is {self.where(place)}.", answer)

    def notice(self) -> None:
        """Each person sees who is there."""
        for one in self.people:
            place = self.world.places[one.name]
            present = [name for name, where in self.world.places.items() if where == place]
            others = [name for name in present if name != one.name]
            company = f" with {listed(others)}" if others else " alone"
            text = f"{one.name} was {self.where(place)}{company} {WHEN[self.part]}."
            self.world.remember(one.name, "observation", text, EVERYDAY)

    def talk(self) -> None:
        """Whoever meets talks in pairs, each person once; the pairs talk at the same time."""
        pairs = [pair for place in self.town.places for pair in self.pairs_at(place)]
        if self.settings.style == "choices":
            self.pass_on([*pairs, *((second, first) for first, second in pairs)])

        def begins(one: Person, other: Person, mind: list[str]) -> Request:
            return prompts.opening(self.world.tick, one, other, mind, self.settings.style)

        def answers(one: Person, other: Person, mind: list[str]) -> Request:
            said = openings[other.name]
            return prompts.reply(self.world.tick, one, other, said, mind, self.settings.style)

        openings = self.say("line", pairs, begins)
        spoken_to = [(second, first) for first, second in pairs if first.name in openings]
        self.say("reply", spoken_to, answers)

    def pairs_at(self, place: str) -> list[tuple[Person, Person]]:
        """Return the pairs at a place: in random order, each chooses among those still free."""
        present = [one for one in self.people if self.world.places[one.name] == place]
        free = [present[i] for i in self.rng.permutation(len(present))]
        pairs = []
        while len(free) > 1:
            first = free.pop(0)
            second = free[0]
            if len(free) > 1:
                names = [one.name for one in free]
                asked = prompts.partner(self.world.tick, first, names, self.where(place))
                (answer,) = self.answers([asked])
                tied = next((name for name in names if name in first.ties), names[0])
                second = self.town.people[answer.label or tied]
                text = f"{first.name} turns to {second.name}."
                self.note(first, "partner", second.name, text, answer)
            free.remove(second)
            pairs.append((first, second))
        return pairs

    def pass_on(self, pairs: Sequence[tuple[Person, Person]]) -> None:
        """Each of a pair decides whether to tell the other what comes to mind first."""
        news = [(first, second, self.first_to_mind(first, second)) for first, second in pairs]
        news = [(first, second, memory) for first, second, memory in news if memory is not None]
        asked = [
            prompts.tell(self.world.tick, first, second, memory.content)
            for first, second, memory in news
        ]
        for (first, second, memory), answer in zip(news, self.answers(asked), strict=True):
            self.world.recalled[memory.number] = self.world.tick
            told = answer.label == "yes"
            text = f"{first.name} told {second.name}: {memory.content}" if told else ""
            self.note(first, "tell", answer.label or "no", text, answer, second.name)
            if told:
                self.remember_talk(first, second, text, memory.content, (memory.number,))

    def first_to_mind(self, person: Person, other: Person) -> Memory | None:
        """Return what a person could tell another: no plan, and nothing that the other knows.

        As far as a person can tell: nothing that is about the other one, that the two have talked
        about, or that has just been seen.
        """
        mine = self.world.of(person.name)
        shared = {memory.content for memory in mine if memory.partner == other.name}
        known = re.compile(rf"\b{re.escape(other.name)}\b")
        mine = [
            memory
            for memory in mine
            if memory.kind != "plan"
            and memory.content not in shared
            and not known.search(memory.content)
            and not (memory.kind == "observation" and memory.tick == self.world.tick)
        ]
        if not mine:
            return None
        query, weights = f"What is new for {other.name}?", self.settings.weights
        found = recall(self.world, self.vectors, person.name, query, weights, mine)
        return self.world.memories[int(found["number"].iloc[0])]

    def say(
        self, question: str, pairs: Sequence[tuple[Person, Person]], prompt: Callable
    ) -> dict[str, str]:
        """Let the first of each pair say a line to the second; return speaker -> line."""
        counts = self.settings.style == "lines"  # whether what is said is what is known
        k = self.settings.k if counts else 1
        minds = [
            self.come_to_mind(speaker, f"{speaker.name} talks to {hearer.name}", k)
            for speaker, hearer in pairs
        ]
        asked = [
            prompt(speaker, hearer, [memory.text for memory in mind])
            for (speaker, hearer), mind in zip(pairs, minds, strict=True)
        ]
        said = {}
        for (speaker, hearer), mind, answer in zip(pairs, minds, self.answers(asked), strict=True):
            line = answer.label or ""
            text = f"{speaker.name} said to {hearer.name}: {line}" if line else ""
            self.note(speaker, question, line, text, answer, hearer.name)
            if line:
                said[speaker.name] = line
            if line and counts:
                self.remember_talk(speaker, hearer, text, line, tuple(one.number for one in mind))
        return said

    def remember_talk(
        self, first: Person, second: Person, text: str, said: str, evidence: tuple
    ) -> None:
        """Both remember what the first told the second."""
        for one, other, grounds in ((first, second, evidence), (second, first, ())):
            made = self.world.remember(
                one.name, "talk", text, MIDDLING, said=said, partner=other.name, evidence=grounds
            )
            self.to_weigh.append(made.number)

    def weigh(self) -> None:
        """Ask how important it was what people told each other, each content once."""
        if self.settings.rated != "asked" or not self.to_weigh:
            return
        new = [self.world.memories[number] for number in self.to_weigh]
        contents = list(dict.fromkeys(memory.content for memory in new))
        asked = [prompts.importance(content, self.settings.style) for content in contents]
        found = dict(zip(contents, self.answers(asked), strict=True))
        for memory in new:
            rating = rating_of(found[memory.content], memory.importance)
            self.world.memories[memory.number] = memory._replace(importance=rating)
            self.world.lived[memory.name] += rating - memory.importance
        for content, answer in found.items():
            self.note(None, "importance", answer.label or "", content, answer)

    def reflect(self) -> None:
        """Whoever has lived through enough makes something of it."""
        enough, style = self.settings.reflect_at, self.settings.style
        due = [one for one in self.people if self.world.lived.get(one.name, 0) >= enough]
        grounds = []
        for one in due:
            lately = self.world.of(one.name)[-20:]
            topic = max(lately, key=lambda memory: (memory.importance, memory.number))
            grounds.append(self.come_to_mind(one, topic.content, self.settings.k))
        asked = [
            prompts.reflection(self.world.tick, one, [memory.content for memory in mind], style)
            for one, mind in zip(due, grounds, strict=True)
        ]
        for one, mind, answer in zip(due, grounds, self.answers(asked), strict=True):
            text = ""
            if answer.status == "ok":
                lived = [memory for memory in mind if memory.kind != "reflection"]
                about = f"feels {answer.label} about this: {(lived or mind)[0].content}"
                text = f"{one.name} {about if style == 'choices' else 'thinks: ' + answer.label}"
                weight = max(memory.importance for memory in mind)
                numbers = tuple(memory.number for memory in mind)
                self.world.remember(one.name, "reflection", text, weight, evidence=numbers)
            self.world.lived[one.name] = 0.0  # the reflection itself doesn't count
            self.note(one, "reflection", answer.label or "", text, answer)

    def come_to_mind(self, person: Person, query: str, k: int) -> list[Memory]:
        """Return the k memories that come to mind first, and note that they did."""
        found = recall(self.world, self.vectors, person.name, query, self.settings.weights)
        numbers = [int(number) for number in found["number"].head(k)]
        self.world.recalled.update(dict.fromkeys(numbers, self.world.tick))
        return [self.world.memories[number] for number in numbers]

    def where(self, place: str) -> str:
        """Return a place as one says it."""
        return self.town.places[place].where

    def note(
        self, person: Person | None, what: str, choice: str, text: str, answer: Answer,
        other: str = "",
    ) -> None:  # fmt: skip
        """Log what a person did or said, with the status of the call."""
        name = person.name if person else ""
        self.world.log.append(
            {
                "tick": self.world.tick, "day": self.day, "part": self.part, "name": name,
                "what": what, "choice": choice, "text": text,
                "place": self.world.places.get(name, ""), "other": other,
                "status": answer.status, "default": answer.status != "ok",
            }
        )  # fmt: skip


def rating_of(answer: Answer, otherwise: float) -> float:
    """Return the importance in an answer, from 1 to 10."""
    if answer.status != "ok":
        return otherwise
    return prompts.YES_NO.get(answer.label) or float(answer.label)


def listed(names: Sequence[str]) -> str:
    """Return names as in a sentence.

    >>> listed(["Ada"]), listed(["Ada", "Ben", "Cleo"])
    ('Ada', 'Ada, Ben and Cleo')
    """
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)
