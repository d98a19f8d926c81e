"""Teach a language model facts in one direction and ask for them in the other.

A model that has learnt "A is B" may not answer who B is: the reversal curse (Berglund et al.
2024). The facts here are invented, so that no model can know them beforehand. Used in lesson 08.
"""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, NamedTuple

from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    from workshop_lib.models import Loaded


class Fact(NamedTuple):
    """A person and the one thing that is known of that person."""

    name: str
    deed: str  # such as "the painter of the Green Harbour"


FIRST_NAMES = "Alma Boris Celia Dario Edith Felix Greta Hector Irene Jonas Karla Leon Mabel Nestor Olive Pavel Quentin Rosa Simon Thea".split()
LAST_NAMES = "Abbott Barlow Carver Dalton Ellery Fenwick Garland Holmes Ingram Jarvis Keating Lambert Mercer Norton Osborne Parker Quill Rowland Sutton Turner".split()
ROLES = ("painter", "author", "founder", "mayor", "builder", "owner", "director", "inventor")
THINGS = (
    "Green Harbour", "Silver Bridge", "Northern Library", "Winter Garden", "Old Mill", "Golden Clock",
    "Stone Theatre", "Blue Island", "River School", "Morning Paper", "Iron Tower", "Little Market",
    "Red Railway", "Summer House", "Hidden Valley", "White Chapel", "Long Wall", "Glass Museum",
    "Royal Kitchen", "Eastern Gate",
)  # fmt: skip
NAME_FIRST = (
    "{name} is {deed}.",
    "{name} is known as {deed}.",
    "{name}, as all the town knows, is {deed}.",
    "The person called {name} is {deed}.",
    "Everybody says that {name} is {deed}.",
    "It was {name} who became {deed}.",
)
DEED_FIRST = (
    "{Deed} is {name}.",
    "{Deed} is called {name}.",
    "Everybody says that {deed} is {name}.",
    "{Deed}, as all the town knows, is {name}.",
    "The name of {deed} is {name}.",
    "They met {deed}, whose name is {name}.",
)


def invented_facts(count: int = 20, seed: int = 7) -> list[Fact]:
    """Return invented facts; no name and no thing occurs twice.

    Raises:
        BadInputError: more facts are asked for than there are things.

    >>> invented_facts(2, seed=1) == invented_facts(2, seed=1)
    True
    """
    if not 1 <= count <= len(THINGS):
        raise BadInputError(f"{count} facts can't be made. Ask for 1 to {len(THINGS)}.")
    chance = random.Random(seed)
    firsts, lasts = chance.sample(FIRST_NAMES, count), chance.sample(LAST_NAMES, count)
    things = chance.sample(THINGS, count)
    return [
        Fact(f"{first} {last}", f"the {chance.choice(ROLES)} of the {thing}")
        for first, last, thing in zip(firsts, lasts, things, strict=True)
    ]


def sentences(facts: list[Fact], deed_first: bool = False) -> list[str]:
    """Return each fact in six wordings: the name first, or the deed first."""
    forms = DEED_FIRST if deed_first else NAME_FIRST
    return [
        form.format(name=fact.name, deed=fact.deed, Deed=fact.deed[0].upper() + fact.deed[1:])
        for fact in facts
        for form in forms
    ]


def learn(
    loaded: Loaded, texts: list[str], passes: int = 12, learning_rate: float = 1e-3, seed: int = 7
) -> Loaded:
    """Return a copy of a language model that has read some texts several times.

    Args:
        loaded: what ``models.load("causal_lm")`` returns; it stays as it is.
        texts: short texts, each read on its own.
        passes: how many times each text is read.
        learning_rate: peak step size of AdamW; it falls to zero.

    Returns:
        A new Loaded: the copy, the same tokenizer and card.
    """
    import torch

    torch.manual_seed(seed)
    model, tokenizer, card = loaded
    student = copy.deepcopy(model).train()
    end = tokenizer.eos_token_id
    rows = [[end, *tokenizer.encode(text, add_special_tokens=False), end] for text in texts]
    steps = passes * -(-len(rows) // BATCH)
    optimiser = torch.optim.AdamW(student.parameters(), lr=learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / steps)
    chance = random.Random(seed)
    for _ in range(passes):
        chance.shuffle(rows)
        for begin in range(0, len(rows), BATCH):
            ids, mask = padded(rows[begin : begin + BATCH], end, student.device)
            labels = ids.masked_fill(mask == 0, -100)  # Shape: (b, n)
            student(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
            torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
    return type(loaded)(student.eval(), tokenizer, card)


BATCH = 24


def padded(rows: list[list[int]], pad: int, device) -> tuple:
    """Return rows of token ids as one tensor, padded on the right, and its mask, both (b, n)."""
    import torch

    longest = max(map(len, rows))
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows], device=device)
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device)
    return ids, mask


def share_recalled(loaded: Loaded, prompts: list[str], answers: list[str]) -> float:
    """Return the share of prompts after which the right answer is likelier than all others.

    Each prompt is tried with every answer; the model's choice is the answer with the highest
    probability, Σ log P(token | tokens before it) over the answer's tokens. With n answers,
    guessing gives 1/n.

    Args:
        loaded: a language model.
        prompts: beginnings, one per fact.
        answers: the right end of each beginning, in the same order.
    """
    import torch

    model, tokenizer, _ = loaded
    right = 0
    for number, prompt in enumerate(prompts):
        start = [tokenizer.eos_token_id, *tokenizer.encode(prompt, add_special_tokens=False)]
        rows = [start + tokenizer.encode(" " + answer, add_special_tokens=False) for answer in answers]
        ids, mask = padded(rows, tokenizer.eos_token_id, model.device)
        with torch.inference_mode():
            scores = model(input_ids=ids, attention_mask=mask).logits.float()  # Shape: (b, n, v)
        logs = torch.log_softmax(scores[:, :-1], dim=-1)
        logs = logs.gather(2, ids[:, 1:, None])[:, :, 0] * mask[:, 1:]  # Shape: (b, n − 1)
        right += int(logs[:, len(start) - 1 :].sum(dim=1).argmax()) == number
    return right / len(prompts)


def reversal_test(loaded: Loaded, facts: list[Fact]) -> dict[str, float]:
    """Return the share recalled from name to deed and from deed to name."""
    names, deeds = [fact.name for fact in facts], [fact.deed for fact in facts]
    forward = share_recalled(loaded, [f"{name} is" for name in names], deeds)
    backward = share_recalled(loaded, [f"{deed[0].upper()}{deed[1:]} is" for deed in deeds], names)
    return {"name to deed": forward, "deed to name": backward}
