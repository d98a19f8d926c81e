"""What handing a run's open calls over as batches would cost and send, before a yes.

Used in lesson 06.
"""

from __future__ import annotations

from typing import NamedTuple

from workshop_lib.labeling.batch_api import DISCOUNT, MOST_BYTES, MOST_CALLS
from workshop_lib.labeling.budget import IMAGE_TOKENS, Meter
from workshop_lib.labeling.engines.chat import Chat
from workshop_lib.labeling.plans import PICTURE_TOKENS
from workshop_lib.labeling.store import CHOSEN, OPEN, Store

BYTES_PER_TOKEN = 4  # without a measurement
ANSWER = 10  # tokens, without a measurement


class Offer(NamedTuple):
    """The open calls of a run, as batches."""

    calls: int
    size: int  # bytes of the prompts, about
    input_tokens: float  # expected
    output_tokens: float
    cost: float | None  # expected, in US dollars at half price; None: the price isn't known
    worst: float | None  # US dollars that they can't pass
    measured: int  # answers in the folder that the tokens were measured on

    @property
    def batches(self) -> int:
        """How many batches these are at least."""
        return max(-(-self.calls // MOST_CALLS), -(-self.size // MOST_BYTES))

    def tokens_of(self, size: int) -> float:
        """Return about how many input tokens a request of some bytes has."""
        return size * self.input_tokens / max(1, self.size)

    def text(self, engine: Chat, max_cost: float | None) -> str:
        """Return what is shown before the question: cost, what leaves this machine, and what to know."""
        basis = f"measured on {self.measured:,} answers" if self.measured else "estimated: no pilot in this folder"
        cost = "unknown"
        if self.cost is not None:
            cost = f"about ${self.cost:,.2f}, half the list price; at the very worst ${self.worst:,.2f}"
        lines = [
            f"Batch API: {self.calls:,} calls to {engine.model}, in {self.batches:,} batch{'es' * (self.batches != 1)} "
            "or more.",
            f"Tokens: {self.input_tokens:,.0f} in, {self.output_tokens:,.0f} out ({basis})",
            f"Cost: {cost}",
            *([f"Cap: ${max_cost}; what could pass it isn't handed over."] if max_cost is not None else []),
            f"Leaves this machine: the codebook and the texts, about {self.size / 1e6:,.1f} MB, to {engine.address}, "
            "where the files stay until they are deleted. See audit() for what is in them.",
            "The answers come within 24 hours. A batch that was handed over is worked on and paid for, wherever this "
            "program is by then.",
        ]
        return "\n".join(lines)


def offer(store: Store, meter: Meter, most_output: int) -> Offer:
    """Return what a store's open calls would be as batches; nothing is sent.

    Tokens in = Σ bytes · Σ measured tokens / Σ measured bytes over the answers in the store, and
    four bytes a token if there are none.

    Args:
        store: with the run's calls chosen.
        meter: of the list price.
        most_output: tokens that an answer can't exceed.
    """
    pictures = f"CASE WHEN c.request LIKE '%\"image\":null%' THEN 0 ELSE c.most_input / {IMAGE_TOKENS} END"
    values = {"session": store.session}
    rows = store.database.execute(
        f"SELECT c.most_input, {pictures}, count(*) {CHOSEN} WHERE {OPEN} GROUP BY 1, 2", values
    ).fetchall()
    calls = sum(count for *_, count in rows)
    size = sum((most - IMAGE_TOKENS * shown) * count for most, shown, count in rows)
    shown = sum(number * count for _, number, count in rows)
    measured, sent, received, length = store.database.execute(
        "SELECT count(*), coalesce(sum(json_extract(answer, '$.input_tokens')), 0), "
        "coalesce(sum(json_extract(answer, '$.output_tokens')), 0), coalesce(sum(most_input), 0) FROM calls "
        "WHERE status IN ('ok', 'invalid', 'refused') AND json_extract(answer, '$.input_tokens') > 0"
    ).fetchone()
    tokens = size / BYTES_PER_TOKEN + shown * PICTURE_TOKENS
    if measured:
        tokens = sent / length * sum(most * count for most, _, count in rows)
    output = calls * (received / measured if measured else min(ANSWER, most_output or ANSWER))
    cost = worst = None
    if meter.cost(1, 1) is not None:
        cost = DISCOUNT * calls * (meter.cost(tokens / max(1, calls), output / max(1, calls)) or 0.0)
        worst = DISCOUNT * sum((meter.cost(most, most_output) or 0.0) * count for most, _, count in rows)
    return Offer(calls, size, tokens, output, cost, worst, measured)
