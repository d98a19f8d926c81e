"""What will a run be? Its calls, tokens and price range, before any money is spent.

Used in lesson 06.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workshop_lib.errors import BadInputError
from workshop_lib.labeling import prompts
from workshop_lib.labeling.budget import IMAGE_TOKENS, Meter, most_input_tokens, output_limit
from workshop_lib.labeling.protocol import Engine, Item, Request

if TYPE_CHECKING:
    import pandas as pd

    from workshop_lib.labeling.codebook import Codebook

PICTURE_TOKENS = 1000  # a rough guess of what a picture is billed as


@dataclass(frozen=True)
class Plan:
    """What a run will be, before any money is spent."""

    rows: int  # items
    questions: int
    repeats: int
    calls: int
    input_tokens: int  # expected, in all calls
    output_tokens: int
    low: float | None  # US dollars; None: the price isn't known
    high: float | None  # not measured: the worst case
    worst: float | None  # US dollars that no run can pass
    model: str
    leaves: str  # what leaves this machine, and where to
    cautions: tuple[str, ...] = ()
    measured: int = 0  # calls that the figures were measured on
    results: pd.DataFrame | None = field(default=None, repr=False, compare=False)  # the pilot's

    def __str__(self) -> str:
        basis = f"measured on {self.measured} calls" if self.measured else "estimated from the length of the texts"
        cost = "unknown"
        if self.low is not None:
            cost = f"${self.low:.4f} to ${self.high:.4f}; at the very worst ${self.worst:.4f}"
        lines = [
            f"Calls: {self.calls:,} ({self.rows:,} rows × {self.questions} questions × {self.repeats} repeats) "
            f"to {self.model}",
            f"Tokens: {self.input_tokens:,} in, {self.output_tokens:,} out ({basis})",
            f"Cost: {cost}",
            f"Leaves this machine: {self.leaves}",
            *(f"Caution: {text}" for text in self.cautions),
        ]
        return "\n".join(lines)


class Tokens(NamedTuple):
    """Tokens of one call, or of all."""

    sent: float
    received: float


def plan(
    codebook: Codebook,
    frame: pd.DataFrame,
    engine: Engine,
    shots: prompts.Shots | None = None,
    order_seed: int | None = None,
    wording: int = 0,
    repeats: int = 1,
    price: tuple[float, float] | None = None,
    measured: pd.DataFrame | None = None,
) -> Plan:
    """Return what a run would be: rows, calls, tokens, price range, what leaves the machine.

    Without a pilot, four bytes are taken for a token: the low price is 0.7 times that, the high
    price the worst case. With one, tokens in = estimate · Σ measured / Σ estimated over the
    pilot's calls, tokens out = calls · mean, and the range is two standard errors either way.

    Args:
        codebook: what is asked.
        frame: one row an item, as in `label`.
        engine: who would be asked; nothing is sent.
        shots, order_seed, wording, repeats: as in `label`.
        price: dollars per million input and output tokens, instead of the price list's.
        measured: results of some of the same calls.

    Raises:
        MissingPackageError: a hosted model's price needs genai-prices, which isn't installed.

    Used in lesson 06.
    """
    items = items_of(frame)
    meter, limit = Meter(engine, price), output_limit(engine)
    seen = {} if measured is None else _measured(measured)
    calls, total, worst, pairs = 0, Tokens(0, 0), 0.0, []
    for request in prompts.stream(codebook, items, shots, order_seed, wording, repeats):
        guess, found = _guess(request), seen.get((request.item.id, request.question, request.repeat))
        calls, total = calls + 1, Tokens(total.sent + guess.sent, total.received + guess.received)
        worst += meter.cost(most_input_tokens(request), limit or 0) or 0.0
        if found:
            pairs.append((guess, found))
    least, likely, most = _expected(calls, total, pairs)
    low = high = None
    if meter.cost(1, 1) is None:
        worst = None
    else:
        if not engine.local and limit is None:
            worst = float("inf")  # nothing keeps an answer from being long
        low = _cost(meter, calls, least)
        high = min(_cost(meter, calls, most), worst) if pairs else worst
    return Plan(
        rows=len(items), questions=len(codebook.questions), repeats=repeats, calls=calls,
        input_tokens=round(likely.sent), output_tokens=round(likely.received),
        low=low, high=high, worst=worst, model=engine.model, leaves=_leaves(engine, meter, items),
        cautions=() if engine.local else tuple(meter.cautions()), measured=len(pairs), results=measured,
    )  # fmt: skip


def pilot(
    codebook: Codebook,
    frame: pd.DataFrame,
    engine: Engine,
    folder: str | Path,
    k: int = 20,
    seed: int = 0,
    max_cost: float | None = None,
    concurrency: int = 8,
    shots: prompts.Shots | None = None,
    order_seed: int | None = None,
    wording: int = 0,
    repeats: int = 1,
    progress: bool = True,
    price: tuple[float, float] | None = None,
) -> Plan:
    """Label k rows drawn at random, and return the plan for all rows by the tokens measured.

    The answers stay in the folder: `label` with the same settings and folder doesn't ask for
    them again.

    Args:
        codebook, frame, engine, folder: as in `label`.
        k: rows to draw.
        seed: of the draw.
        max_cost, concurrency, shots, order_seed, wording, repeats, progress, price: as in `label`.

    Returns:
        The plan for the whole frame; its ``results`` are those of the k rows.

    Used in lesson 06.
    """
    import numpy as np

    from workshop_lib.labeling.runs import label  # runs is built on this file

    if k < 1:
        raise BadInputError(f"k is {k}. Give the number of rows to try, 1 or more.")
    chosen = np.random.default_rng(seed).choice(len(frame), min(k, len(frame)), replace=False)
    same = {"shots": shots, "order_seed": order_seed, "wording": wording, "repeats": repeats, "price": price}
    results = label(
        codebook, frame.iloc[sorted(chosen)], engine, folder, max_cost, concurrency, progress=progress, **same
    )
    return plan(codebook, frame, engine, **same, measured=results)


def items_of(frame: pd.DataFrame) -> list[Item]:
    """Return the rows of a table with the columns "id" and "text", "image" or both as items."""
    columns = list(getattr(frame, "columns", []))
    image = "image" if "image" in columns else None
    return prompts.items(frame, text="text" if "text" in columns or image is None else None, image=image)


def _guess(request: Request) -> Tokens:
    """Return a call's expected tokens: four bytes a token; {"label": …} and the longest label, half as long."""
    contents = [message["content"] for message in request.messages if not isinstance(message["content"], str)]
    pictures = sum(part["type"] != "text" for content in contents for part in content)
    letters = most_input_tokens(request) - IMAGE_TOKENS * pictures
    return Tokens(letters / 4 + PICTURE_TOKENS * pictures, 6 + max(map(len, request.options)) / 4)


def _measured(results: pd.DataFrame) -> dict[tuple, Tokens]:
    kept = results[results["input_tokens"] > 0]
    columns = (kept[name].tolist() for name in ("id", "question", "repeat", "input_tokens", "output_tokens"))
    return {tuple(call): Tokens(sent, received) for *call, sent, received in zip(*columns, strict=True)}


def _expected(calls: int, total: Tokens, pairs: list[tuple[Tokens, Tokens]]) -> list[Tokens]:
    """Return the tokens of all calls: at least, likely, at most.

    Args:
        calls: how many there are.
        total: the guess for all of them.
        pairs: guess and measurement of some.
    """
    import numpy as np

    if not pairs:
        return [Tokens(share * total.sent, share * total.received) for share in (0.7, 1.0, 1.0)]
    guessed = np.array([guess.sent for guess, _ in pairs])
    sent, received = np.array([measured for _, measured in pairs], float).T
    ratio, mean = sent.sum() / guessed.sum(), received.mean()
    if len(pairs) == 1:  # no telling: half of it either way
        ratio_error, mean_error = ratio / 4, mean / 4
    else:
        ratio_error = (sent - ratio * guessed).std(ddof=1) / np.sqrt(len(pairs)) / guessed.mean()
        mean_error = received.std(ddof=1) / np.sqrt(len(pairs))
    return [
        Tokens(max(0.0, ratio + errors * ratio_error) * total.sent, max(0.0, mean + errors * mean_error) * calls)
        for errors in (-2, 0, 2)
    ]


def _cost(meter: Meter, calls: int, tokens: Tokens) -> float:
    """Return what calls cost whose tokens are spread evenly; prices may depend on a call's length."""
    return calls * meter.cost(round(tokens.sent / calls), round(tokens.received / calls))


def _leaves(engine: Engine, meter: Meter, items: list[Item]) -> str:
    if engine.local:
        return "nothing; the engine runs here."
    letters, pictures = sum(len(item.text) for item in items), sum(item.image is not None for item in items)
    what = f"the codebook and {len(items):,} texts ({letters:,} characters)"
    if pictures:
        what += f" and {pictures:,} pictures"
    return f"{what}, to {meter.address or f'the provider of {engine.model}'}."
