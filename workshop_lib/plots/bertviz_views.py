"""BertViz's three views of the encoder's attention, on pages that need no network.

BertViz (Vig 2019) takes require.js, d3 and jQuery from servers on the web, so that its views
stay blank without a network. Here its pages get copies of d3 and jQuery that come with the
course (``static/``, with their licences), and a few lines in place of require.js. Each view
stands in a frame of its own: several on one page don't disturb one another, and the frame's
rules forbid it any request. Used in lesson 02.
"""

from __future__ import annotations

import html
import json
import re
import uuid
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from workshop_lib import attention
from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    from IPython.display import HTML

STATIC = Path(__file__).parent / "static"
D3, JQUERY = "d3-5.7.0.min.js", "jquery-2.2.4.min.js"
# The frame may run the scripts written in it, and may ask no server for anything.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
# Stands in for require.js: hands out the two packages that are already on the page.
REQUIRE = """
var requirejs = function (names, run) {
  var packages = {jquery: window.jQuery, d3: window.d3};
  run.apply(null, names.map(function (name) { return packages[name]; }));
};
requirejs.config = function () {};
var require = requirejs;
"""
CDN_SCRIPT = re.compile(r"""<script src="https://[^"]*require[^"]*"></script>""")
CDN_ADDRESS = re.compile(r"""https://cdnjs\.cloudflare\.com/[^'"]*/""")


def head_view(text: str, layer: int = 0, heads: list[int] | None = None) -> HTML:
    """Return BertViz's head view: the lines of attention between the tokens, layer by layer.

    Args:
        text: a sentence.
        layer: the layer shown first, from 0.
        heads: the heads shown first, from 0; None shows all, one colour each.

    Raises:
        BadInputError: the encoder has no such layer or head, or the text is empty.

    Source: Vig (2019), A Multiscale Visualization of Attention in the Transformer Model.
    Used in lesson 02.
    """
    import bertviz

    tokens, weights = _weights(text)
    _require(layer, len(weights), "layer")
    for head in heads or []:
        _require(head, weights[0].shape[1], "head")
    view = bertviz.head_view(weights, tokens, layer=layer, heads=heads, html_action="return")
    return frame(page(view.data), 100 + 23 * len(tokens), f"BertViz head view of “{text}”")


def model_view(text: str) -> HTML:
    """Return BertViz's model view: every head of every layer as a small picture.

    Args:
        text: a sentence.

    Raises:
        BadInputError: the text is empty or too long.

    Source: Vig (2019). Used in lesson 02.
    """
    import bertviz

    tokens, weights = _weights(text)
    view = bertviz.model_view(weights, tokens, display_mode="light", html_action="return")
    heads = weights[0].shape[1]
    picture = 7 * 12 / heads * len(tokens) + 12  # height of one head's picture, in pixels
    height = max(70 + len(weights) * picture, 120 + 20 * len(tokens))
    return frame(page(view.data), round(height), f"BertViz model view of “{text}”")


def neuron_view(text: str, layer: int = 0, head: int = 0) -> HTML:
    """Return BertViz's neuron view: how query and key make the weight, number by number.

    Args:
        text: a sentence.
        layer, head: those shown first, from 0.

    Raises:
        BadInputError: the encoder has no such layer or head, or the text is empty.

    Source: Vig (2019). Used in lesson 02.
    """
    import numpy as np

    tokens, queries, keys = attention.queries_and_keys(text)
    _, weights = attention.maps(text)
    _require(layer, weights.shape[0], "layer")
    _require(head, weights.shape[1], "head")
    shown = {
        "attn": np.round(weights.astype(float), 4).tolist(),
        "queries": np.round(queries.astype(float), 3).tolist(),
        "keys": np.round(keys.astype(float), 3).tolist(),
        "left_text": tokens,
        "right_text": tokens,
    }
    name = f"bertviz-{uuid.uuid4().hex}"
    parameters = {
        "attention": {"all": shown},
        "default_filter": "all",
        "root_div_id": name,
        "bidirectional": True,
        "display_mode": "light",
        "layer": layer,
        "head": head,
    }
    view = (
        f'<div id="{name}" style="padding:8px;font-family:sans-serif"><span>'
        '<label>Layer: <select id="layer"></select></label> '
        '<label>Head: <select id="att_head"></select></label></span><div id="vis"></div></div>'
        f"<script>window.bertviz_params = {json.dumps(parameters)}</script>"
        f"<script>{_bertviz_script('neuron_view.js')}</script>"
    )
    return frame(page(view), 150 + 27 * len(tokens), f"BertViz neuron view of “{text}”")


def page(view: str) -> str:
    """Return a page that shows a BertViz view without any other file.

    Args:
        view: BertViz's own HTML, which asks the web for require.js, d3 and jQuery.

    Returns:
        A whole HTML page with both packages in it and no address of a server to load from.
    """
    view = CDN_ADDRESS.sub("", CDN_SCRIPT.sub("", view))
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>BertViz</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        "<style>body {margin: 4px; background: white; color: #202020}</style>"
        f"<script>{_static(JQUERY)}</script><script>{_static(D3)}</script>"
        f"<script>{REQUIRE}</script></head><body>{view}</body></html>"
    )


def frame(content: str, height: int, title: str) -> HTML:
    """Return a page as a frame that a notebook can show.

    Args:
        content: a whole HTML page.
        height: in pixels.
        title: what a screen reader says of the frame.
    """
    from IPython.display import HTML

    return HTML(
        f'<div><iframe title="{html.escape(title)}" srcdoc="{html.escape(content)}" '
        f'sandbox="allow-scripts" loading="lazy" '
        f'style="width:100%;height:{height}px;border:1px solid #ccc"></iframe></div>'
    )


def _weights(text: str):
    """Return the tokens, and for each layer the weights as BertViz takes them: (1, heads, n, n)."""
    import torch

    tokens, weights = attention.maps(text)
    rounded = torch.round(torch.as_tensor(weights).double(), decimals=4)
    return tokens, [layer[None] for layer in rounded]


@lru_cache(maxsize=None)
def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


@lru_cache(maxsize=None)
def _bertviz_script(name: str) -> str:
    from importlib.util import find_spec

    return Path(find_spec("bertviz").origin).with_name(name).read_text(encoding="utf-8")


def _require(number: int, count: int, what: str) -> None:
    if not 0 <= number < count:
        raise BadInputError(
            f"The encoder has no {what} {number}. Choose one from 0 to {count - 1}."
        )
