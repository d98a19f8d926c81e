"""What does a run cost? Prices, worst cases, and a cap that is never passed.

Prices come from the package genai-prices, which carries its list with it: no network. The only
other table here is ``SHUTDOWNS``. Used in lesson 06.
"""

from __future__ import annotations

import functools
import json
import threading
import warnings
from datetime import date

from workshop_lib.errors import BadInputError, MissingPackageError
from workshop_lib.labeling.protocol import Engine, Request

# Announced by the provider; the price list doesn't carry dates. Source: OpenAI, "Deprecations"
# (developers.openai.com/api/docs/deprecations), as of November 2026.
SHUTDOWNS = {
    date(2026, 10, 23): (
        "gpt-3.5-turbo gpt-3.5-turbo-0125 gpt-4 gpt-4-0613 gpt-4-1106-preview gpt-4-turbo gpt-4-turbo-2024-04-09 "
        "gpt-4.1-nano gpt-4.1-nano-2025-04-14 gpt-4o-2024-05-13 o1 o1-2024-12-17 o1-pro o1-pro-2025-03-19 "
        "o3-mini o3-mini-2025-01-31 o4-mini o4-mini-2025-04-16"
    ).split(),
    date(2026, 12, 11): (
        "gpt-5 gpt-5-2025-08-07 gpt-5-mini gpt-5-mini-2025-08-07 gpt-5-nano gpt-5-nano-2025-08-07 "
        "gpt-5-pro gpt-5-pro-2025-10-06 o3 o3-2025-04-16 o3-pro o3-pro-2025-06-10"
    ).split(),
    date(2027, 1, 14): (
        "gpt-4o gpt-4o-2024-08-06 gpt-4o-2024-11-20 gpt-4o-mini gpt-4o-mini-2024-07-18 "
        "gpt-4.1 gpt-4.1-2025-04-14 gpt-4.1-mini gpt-4.1-mini-2025-04-14"
    ).split(),
    date(2027, 4, 1): ["gpt-5.1", "gpt-5.4-nano"],
}
NEAR = 90  # days before a shutdown from which on a model gives a warning
IMAGE_TOKENS = 50_000  # the most that a picture is billed as by any model that we know of
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")  # names of an engine's setting


class PriceWarning(UserWarning):
    """A model's price isn't known, or the model will soon be gone."""


def price(model: str, input_tokens: int, output_tokens: int, address: str | None = None) -> float | None:
    """Return what a call costs by today's price list, with a warning for a doubtful model.

    Args:
        model: the model's name, such as "gpt-4o-mini".
        input_tokens: tokens sent.
        output_tokens: tokens received.
        address: the server's address, if the same model has other prices elsewhere.

    Returns:
        US dollars; None if the list doesn't have the model.

    Raises:
        MissingPackageError: genai-prices isn't installed.

    Source: https://github.com/pydantic/genai-prices. Used in lesson 06.
    """
    cost = listed_price(model, input_tokens, output_tokens, address)
    for text in cautions(model, known=cost is not None):
        warnings.warn(text, PriceWarning, stacklevel=2)
    return cost


def cautions(model: str, known: bool = True, today: date | None = None) -> list[str]:
    """Return what to know about a model before relying on it: no price, or a shutdown at hand.

    >>> cautions("o3", today=date(2026, 12, 1))[0][:44]
    "The model 'o3' shuts down on 2026-12-11, in "
    """
    today = today or date.today()
    found = []
    if not known:
        found.append(
            f"The price list doesn't have the model '{model}', so its cost isn't known. Check the name, update the "
            "price list (pip install -U genai-prices), or give the price yourself: price=(dollars per million input "
            "tokens, dollars per million output tokens)."
        )
    for day, models in SHUTDOWNS.items():
        left = (day - today).days
        if model.lower() in models and left <= NEAR:
            when = f"shuts down on {day}, in {left} days" if left > 0 else f"was shut down on {day}"
            found.append(f"The model '{model}' {when}. Choose a later model, or nobody can repeat your study.")
    return found


def listed_price(model: str, input_tokens: int, output_tokens: int, address: str | None = None) -> float | None:
    """Return what `price` returns, without warnings."""
    rates = linear_rates(model, address)
    if rates is None:
        return None
    if rates:
        return input_tokens * rates[0] + output_tokens * rates[1]
    return _ask_list(model, input_tokens, output_tokens, address)


@functools.cache
def linear_rates(model: str, address: str | None = None) -> tuple[float, ...] | None:
    """Return dollars per input and per output token; () if they depend on the amount; None if unknown."""
    large = 1_000_000
    costs = [_ask_list(model, *tokens, address) for tokens in ((1000, 0), (0, 1000), (large, 0), (large, 1000))]
    if any(cost is None for cost in costs):
        return None
    one_in, one_out = costs[0] / 1000, costs[1] / 1000
    is_linear = all(
        abs(cost - expected) <= 1e-9 * max(1, expected)
        for cost, expected in ((costs[2], one_in * large), (costs[3], one_in * large + one_out * 1000))
    )
    return (one_in, one_out) if is_linear else ()


def _ask_list(model: str, input_tokens: int, output_tokens: int, address: str | None) -> float | None:
    try:
        from genai_prices import Usage, calc_price
    except ImportError as error:
        raise MissingPackageError(
            "Prices of hosted models come from the package genai-prices, which isn't installed. "
            "Run: pip install genai-prices. Or give the price yourself, as price=(dollars per million input "
            "tokens, dollars per million output tokens)."
        ) from error
    usage = Usage(input_tokens=int(input_tokens), output_tokens=int(output_tokens))
    where = {"provider_api_url": address} if address else {}
    try:
        return float(calc_price(usage, model_ref=model, **where).total_price)
    except LookupError:
        return None


class Meter:
    """What calls to one engine cost.

    Args:
        engine: the engine. A local one costs nothing.
        price: dollars per million input tokens and per million output tokens, instead of the list's.

    >>> from types import SimpleNamespace
    >>> engine = SimpleNamespace(name="chat", model="m", local=False, settings=lambda: {})
    >>> Meter(engine, price=(1, 2)).cost(500_000, 250_000)
    1.0
    """

    def __init__(self, engine: Engine, price: tuple[float, float] | None = None):
        if price is not None and (len(price) != 2 or not all(0 <= amount < float("inf") for amount in price)):
            raise BadInputError(
                f"price is {price!r}. Give two numbers: dollars per million input tokens and per million output tokens."
            )
        self.model = engine.model
        self.price = (0.0, 0.0) if engine.local else price
        settings = engine.settings()
        self.address = settings.get("address") or settings.get("base_url")

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Return US dollars, or None if the model's price isn't known."""
        if self.price is not None:
            return (input_tokens * self.price[0] + output_tokens * self.price[1]) / 1e6
        return listed_price(self.model, input_tokens, output_tokens, self.address)

    def cautions(self) -> list[str]:
        """Return what to know about the model before the run."""
        return cautions(self.model, known=self.cost(1, 1) is not None)


def output_limit(engine: Engine) -> int | None:
    """Return the most tokens that the engine lets an answer have, or None if it sets no limit."""
    settings = engine.settings()
    limits = [settings[name] for name in LIMITS if settings.get(name) is not None]
    return int(max(limits)) if limits else None


def most_input_tokens(request: Request) -> int:
    """Return a number of input tokens that a request can't exceed.

    Byte-level tokenizers make at most one token of a byte. The answer's schema may be sent as
    text, each message costs a few tokens of its own, and a picture at most ``IMAGE_TOKENS``.
    """
    pictures, tokens = 0, 64 + len(json.dumps(request.schema))
    for message in request.messages:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        tokens += 16
        for part in parts:
            if part.get("type") == "text":
                tokens += len(part["text"].encode("utf-8", "replace"))
            else:
                pictures += 1
    return tokens + IMAGE_TOKENS * pictures


class Cap:
    """An amount of money that is never passed: reserve the worst case first, settle afterwards.

    Args:
        max_cost: US dollars; None for no cap.
        spent: US dollars that were spent before.

    >>> cap = Cap(1.0)
    >>> cap.reserve(0.75), cap.reserve(0.75)
    (True, False)
    >>> cap.settle(0.75, 0.25)
    >>> cap.reserve(0.75), cap.left
    (True, 0.0)
    """

    def __init__(self, max_cost: float | None, spent: float = 0.0):
        if max_cost is not None and not 0 <= max_cost < float("inf"):
            raise BadInputError(f"max_cost is {max_cost!r}. Give an amount in US dollars, or None for no cap.")
        self.max_cost, self.spent, self.reserved = max_cost, float(spent), 0.0
        self._lock = threading.Lock()

    @property
    def left(self) -> float:
        """US dollars neither spent nor reserved."""
        if self.max_cost is None:
            return float("inf")
        return self.max_cost - self.spent - self.reserved

    def reserve(self, worst: float) -> bool:
        """Set a call's worst case aside; False, and nothing set aside, if that could pass the cap."""
        with self._lock:
            if self.max_cost is not None and self.spent + self.reserved + worst > self.max_cost + 1e-12:
                return False
            self.reserved += worst
            return True

    def settle(self, worst: float, actual: float) -> None:
        """Replace a call's reservation by what it really cost."""
        with self._lock:
            self.reserved = max(0.0, self.reserved - worst)
            self.spent += actual

    def restate(self, spent: float, reserved: float) -> None:
        """Take over the amounts of a ledger that several processes share."""
        with self._lock:
            self.spent, self.reserved = spent, reserved


def check_cap(engine: Engine, meter: Meter, max_cost: float | None) -> None:
    """Raise a BadInputError if a cap couldn't be kept: no price, or no limit to an answer's length."""
    Cap(max_cost)
    if max_cost is None or engine.local:
        return
    if meter.cost(1, 1) is None:
        raise BadInputError(f"max_cost={max_cost} can't be kept. {meter.cautions()[0]}")
    if output_limit(engine) is None:
        raise BadInputError(
            f"max_cost={max_cost} can't be kept: the engine '{engine.name}' sets no limit to an answer's length. "
            f"Give it one, such as max_tokens=50 (looked for in its settings: {', '.join(LIMITS)})."
        )


