"""BertViz's views on pages that ask no server for anything."""

import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
from browser import Browser

from workshop_lib import attention
from workshop_lib.errors import BadInputError
from workshop_lib.plots import bertviz_views

TEXT = "John wants his bank to cash the"
VIEWS = {
    "head": lambda: bertviz_views.head_view(TEXT, layer=0, heads=[2]),
    "model": lambda: bertviz_views.model_view(TEXT),
    "neuron": lambda: bertviz_views.neuron_view(TEXT, layer=1, head=3),
}


def content(view) -> str:
    """The page inside the frame."""
    return html.unescape(re.search(r'srcdoc="([^"]*)"', view.data)[1])


@pytest.fixture(scope="module")
def views() -> dict[str, str]:
    return {name: make().data for name, make in VIEWS.items()}


@pytest.fixture(scope="module")
def browser():
    with Browser() as one:
        yield one


@pytest.mark.parametrize("name", VIEWS)
def test_no_address_is_left_to_load_from(name):
    page = content(VIEWS[name]())
    assert "cdnjs" not in page
    assert not re.search(r"<(script|link|img)[^>]* (src|href)=", page)
    assert "default-src 'none'" in page


@pytest.mark.parametrize("name", VIEWS)
def test_the_view_draws_itself_with_no_request_and_no_error(name, browser, tmp_path):
    file = tmp_path / f"{name}.html"
    file.write_text(content(VIEWS[name]()), encoding="utf-8")
    visit = browser.open(file)
    assert (visit.errors, visit.failed, visit.outside) == ([], [], [])
    assert browser.evaluate("document.querySelectorAll('svg *').length") > 500
    drawn = browser.evaluate("document.body.textContent")
    assert name == "model" or all(word in drawn for word in TEXT.lower().split())


def test_the_policy_stops_a_request(browser, tmp_path):
    """The test above can fail: a script that asks a server is stopped, and says so."""
    asks = "<script>fetch('http://127.0.0.1:9/x').catch(() => {})</script>"
    file = tmp_path / "asks.html"
    file.write_text(bertviz_views.page(asks), encoding="utf-8")
    assert browser.open(file).errors


def test_three_views_on_one_page(views, browser, tmp_path):
    file = tmp_path / "all.html"
    frames = "".join(views.values()).replace('loading="lazy"', "")
    file.write_text(f'<!DOCTYPE html><meta charset="utf-8">{frames}', encoding="utf-8")
    visit = browser.open(file)
    assert (visit.errors, visit.failed, visit.outside) == ([], [], [])
    assert browser.evaluate("document.querySelectorAll('iframe[title]').length") == 3


def test_the_controls_work(browser, tmp_path):
    file = tmp_path / "head.html"
    file.write_text(content(VIEWS["head"]()), encoding="utf-8")
    browser.open(file)
    picture = "document.querySelector('#vis').innerHTML"
    before = browser.evaluate(picture)
    browser.evaluate("jQuery('#layer').val('3').trigger('change') && 0")
    assert browser.evaluate(picture) != before


def test_the_neuron_view_shows_the_encoders_numbers():
    page = content(VIEWS["neuron"]())
    given = json.loads(re.search(r"window.bertviz_params = (.*?)</script>", page)[1])
    assert (given["layer"], given["head"]) == (1, 3)
    tokens, queries, keys = attention.queries_and_keys(TEXT)
    shown = given["attention"]["all"]
    assert shown["left_text"] == shown["right_text"] == tokens
    np.testing.assert_allclose(shown["queries"], queries, atol=6e-4)
    np.testing.assert_allclose(shown["keys"], keys, atol=6e-4)


@pytest.mark.parametrize("make", [bertviz_views.head_view, bertviz_views.neuron_view])
def test_unknown_layer(make):
    with pytest.raises(BadInputError, match="no layer 99"):
        make(TEXT, layer=99)


def test_unknown_heads():
    with pytest.raises(BadInputError, match="no head 77"):
        bertviz_views.head_view(TEXT, heads=[0, 77])
    with pytest.raises(BadInputError, match="no head -1"):
        bertviz_views.neuron_view(TEXT, head=-1)


def test_the_licences_lie_beside_the_packages():
    folder = Path(bertviz_views.STATIC)
    assert "Mike Bostock" in (folder / "d3-LICENSE.txt").read_text(encoding="utf-8")
    assert "jQuery Foundation" in (folder / "jquery-LICENSE.txt").read_text(encoding="utf-8")
    assert sum(file.stat().st_size for file in folder.iterdir()) < 400_000
