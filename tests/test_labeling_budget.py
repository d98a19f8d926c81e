"""Prices, warnings about models, and a cap that is never passed."""

import json
import random
import sys
import threading
import time
import warnings
from datetime import date, timedelta
from types import ModuleType, SimpleNamespace

import pytest

from workshop_lib import errors
from workshop_lib.labeling import budget
from workshop_lib.labeling.protocol import Item, Request


def engine(local=False, **settings):
    return SimpleNamespace(name="chat", model="plain", local=local, settings=lambda: settings)


@pytest.fixture
def price_list(monkeypatch):
    """A stand-in for genai-prices: $1 and $4 a million tokens; "tiered" costs double from 1,000 tokens on."""
    asked = []

    def calc_price(usage, model_ref, provider_api_url=None):
        asked.append(model_ref)
        if model_ref not in ("plain", "tiered", "o3") or provider_api_url not in (None, "https://api.openai.com/v1"):
            raise LookupError(model_ref)
        factor = 2 if model_ref == "tiered" and usage.input_tokens >= 1000 else 1
        return SimpleNamespace(total_price=factor * (usage.input_tokens + 4 * usage.output_tokens) / 1e6)

    module = ModuleType("genai_prices")
    module.Usage, module.calc_price = SimpleNamespace, calc_price
    monkeypatch.setitem(sys.modules, "genai_prices", module)
    budget.linear_rates.cache_clear()
    yield asked
    budget.linear_rates.cache_clear()


def test_price(price_list):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert budget.price("plain", 1_000_000, 500_000) == pytest.approx(3.0)
        assert budget.price("tiered", 999, 0) == pytest.approx(0.000999)
        assert budget.price("tiered", 1000, 100) == pytest.approx(0.0028)
        assert budget.price("plain", 0, 0) == 0
    before = len(price_list)
    budget.price("plain", 123, 45)
    assert len(price_list) == before  # a list price is looked up once


def test_unknown_model(price_list):
    with pytest.warns(budget.PriceWarning, match="doesn't have the model 'gpt-99'.*price="):
        assert budget.price("gpt-99", 10, 10) is None
    with pytest.warns(budget.PriceWarning):  # the same name at another server is another product
        assert budget.price("plain", 10, 10, address="https://elsewhere.example/v1") is None


def test_shutdown_dates():
    day = date(2026, 12, 11)
    assert budget.cautions("o3", today=day - timedelta(days=91)) == []
    assert "in 90 days" in budget.cautions("o3", today=day - timedelta(days=90))[0]
    assert "in 1 days" in budget.cautions("O3", today=day - timedelta(days=1))[0]
    assert "was shut down on 2026-12-11" in budget.cautions("o3", today=day)[0]
    assert budget.cautions("o33", today=day) == []
    names = [name for models in budget.SHUTDOWNS.values() for name in models]
    assert len(names) == len(set(names)) and all(name == name.lower() for name in names)


def test_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    budget.linear_rates.cache_clear()
    with pytest.raises(errors.MissingPackageError, match="pip install genai-prices"):
        budget.price("plain", 1, 1)
    assert budget.Meter(engine(local=True)).cost(10**6, 10**6) == 0  # what needs no price works
    assert budget.Meter(engine(), price=(1, 2)).cost(10**6, 10**6) == 3


def test_real_price_list():
    pytest.importorskip("genai_prices")
    budget.linear_rates.cache_clear()
    assert budget.listed_price("gpt-4o-mini", 1_000_000, 0) == pytest.approx(0.15)
    assert budget.listed_price("gpt-4o-mini", 0, 1_000_000) == pytest.approx(0.60)
    assert budget.listed_price("gpt-4o-mini", 10, 10, "https://api.openai.com/v1") == pytest.approx(7.5e-6)
    assert budget.listed_price("gpt-99-fantasy", 1, 1) is None
    assert budget.listed_price("qwen2.5:7b", 1, 1) is None


@pytest.mark.parametrize("price", [(1,), (1, -2), (float("nan"), 1), (1, float("inf"))])
def test_bad_price(price):
    with pytest.raises(errors.BadInputError, match="price is"):
        budget.Meter(engine(), price)


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf")])
def test_bad_cap(amount):
    with pytest.raises(errors.BadInputError, match="max_cost is"):
        budget.Cap(amount)


def test_a_cap_that_could_not_be_kept(price_list):
    meter = budget.Meter(engine(max_tokens=5))
    budget.check_cap(engine(max_tokens=5), meter, 1.0)
    budget.check_cap(engine(), meter, None)
    budget.check_cap(engine(local=True), budget.Meter(engine(local=True)), 1.0)
    with pytest.raises(errors.BadInputError, match="no limit to an answer's length.*max_tokens"):
        budget.check_cap(engine(), meter, 1.0)
    unknown = SimpleNamespace(name="chat", model="gpt-99", local=False, settings=lambda: {"max_tokens": 5})
    with pytest.raises(errors.BadInputError, match="can't be kept.*gpt-99"):
        budget.check_cap(unknown, budget.Meter(unknown), 1.0)


def test_worst_case_of_a_request():
    text = "Ünïcödé 🙂 " * 50
    schema = {"enum": ["a" * 100]}
    request = Request(Item("1"), "q", "choice", ("a",), ({"role": "user", "content": text},), schema)
    plain = budget.most_input_tokens(request)
    assert plain >= len(text.encode()) + len(json.dumps(schema))
    parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": "data:" + "x" * 10**6}}]
    pictured = budget.most_input_tokens(request._replace(messages=({"role": "user", "content": parts},)))
    assert pictured == plain + budget.IMAGE_TOKENS  # a picture isn't billed by its letters


def test_cap_is_never_passed_by_32_threads():
    cap, billed, most = budget.Cap(1.0), [], []
    refused = threading.Event()

    def work(seed):
        chance = random.Random(seed)
        while not refused.is_set():
            worst = chance.uniform(0.001, 0.02)
            if not cap.reserve(worst):
                return refused.set()
            time.sleep(chance.uniform(0, 0.001))
            actual = worst * chance.uniform(0.2, 1)
            billed.append(actual)
            cap.settle(worst, actual)
            most.append(cap.spent + cap.reserved)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) <= 1.0 + 1e-9
    assert sum(billed) == pytest.approx(cap.spent) and cap.spent <= 1.0
    assert cap.reserved == pytest.approx(0, abs=1e-9)
    assert cap.spent > 0.5  # it isn't kept by doing nothing


def test_cap_to_the_cent():
    cap = budget.Cap(0.3)
    assert [cap.reserve(0.1) for _ in range(4)] == [True, True, True, False]  # 0.1 + 0.1 + 0.1 is 0.3
    assert budget.Cap(None).reserve(1e9) and budget.Cap(None).left == float("inf")
    assert not budget.Cap(1.0, spent=1.0).reserve(0.01)
