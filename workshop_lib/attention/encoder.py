"""Looks inside the encoder of the course: weights, queries and keys, states, feed-forward.

Used in lesson 02.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from workshop_lib import models
from workshop_lib.attention.mechanism import split_heads
from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np


def maps(text: str) -> tuple[list[str], np.ndarray]:
    """Return how much each token of a text attends to each, in every head of the encoder.

    Args:
        text: a sentence.

    Returns:
        (tokens, weights): tokens of length n, with the encoder's special tokens; weights of
        shape (layers, heads, n, n), where weights[l, h, i, j] is what token i takes from j.

    Raises:
        BadInputError: the text is empty or too long for the encoder.

    Used in lesson 02.
    """
    tokens, _, outputs = read(text, attention=True)
    return tokens, torch.cat(outputs.attentions).cpu().numpy()  # Shape: (layers, heads, n, n)


def hidden_states(text: str, use_positions: bool = True) -> tuple[list[str], np.ndarray]:
    """Return the vector of each token as it enters the first layer and after every layer.

    Args:
        text: a sentence.
        use_positions: False gives every token the position 0, which hides the word order.

    Returns:
        (tokens, states): states of shape (layers + 1, n, d); states[0] are the inputs.

    Raises:
        BadInputError: the text is empty or too long for the encoder.

    Used in lesson 02.
    """
    tokens, _, outputs = read(text, use_positions=use_positions)
    return tokens, torch.cat(outputs.hidden_states).cpu().numpy()  # Shape: (layers + 1, n, d)


def last_token(text: str) -> np.ndarray:
    """Return the vector of a text's last token as it passes the layers.

    Args:
        text: a sentence; the special token behind it doesn't count.

    Returns:
        Shape (layers + 1, d); row 0 is what enters the first layer.

    Raises:
        BadInputError: the text is empty or too long for the encoder.

    Used in lesson 02.
    """
    _, states = hidden_states(text)  # Shape: (layers + 1, n, d)
    return states[:, -2]  # the very last one is [SEP]


def cosine_by_layer(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Return how similar two tokens are after each layer.

    Args:
        one, two: Shape (layers + 1, d), as :func:`last_token` gives; or (1, d), one vector that
            is compared with every row of the other.

    Returns:
        cos(one[l], two[l]) for each layer l, Shape (layers + 1,).

    Used in lesson 02.
    """
    found = nn.functional.cosine_similarity(torch.as_tensor(one), torch.as_tensor(two), dim=-1)
    return found.numpy()


def queries_and_keys(text: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the query and the key of each token, in every head of the encoder.

    Args:
        text: a sentence.

    Returns:
        (tokens, queries, keys): both arrays of shape (layers, heads, n, d_k).

    Raises:
        BadInputError: the text is empty or too long for the encoder.

    Used in lesson 02 (BertViz's neuron view).
    """
    model = models.load("encoder").model
    caught: dict[str, list[Tensor]] = {"query": [], "key": []}
    hooks = []
    for layer in model.encoder.layer:
        for part, found in caught.items():
            module = getattr(layer.attention.self, part)
            hooks.append(
                module.register_forward_hook(
                    lambda _module, _inputs, output, found=found: found.append(output)
                )
            )
    try:
        tokens, _, _ = read(text)
    finally:
        for hook in hooks:
            hook.remove()
    heads = model.config.num_attention_heads
    queries, keys = (
        torch.cat([split_heads(one, heads) for one in found]).cpu().numpy()
        for found in caught.values()
    )
    return tokens, queries, keys  # Shapes: n, (layers, heads, n, d_k), (layers, heads, n, d_k)


def feed_forward(states: np.ndarray, layer: int) -> np.ndarray:
    """Run the feed-forward step of one layer of the encoder on vectors.

    The step works on each vector alone: no vector sees another.

    Args:
        states: Shape (n, d).
        layer: which layer, from 0.

    Returns:
        normalise(states + W₂ gelu(W₁ states + b₁) + b₂), Shape (n, d).

    Raises:
        BadInputError: the encoder has no such layer, or the width is wrong.

    Source: Vaswani et al. (2017), section 3.3. Used in lesson 02.
    """
    model = models.load("encoder").model
    layers = len(model.encoder.layer)
    if not 0 <= layer < layers:
        raise BadInputError(
            f"The encoder has no layer {layer}. Choose one from 0 to {layers - 1}."
        )
    states = torch.as_tensor(states, dtype=torch.float32, device=model.device)
    if states.ndim != 2 or states.shape[-1] != model.config.hidden_size:
        raise BadInputError(
            f"The states have shape {tuple(states.shape)}. Give one row of "
            f"{model.config.hidden_size} numbers for each token."
        )
    block = model.encoder.layer[layer]
    with torch.no_grad():
        wide = block.intermediate(states)  # Shape: (n, 4 d)
        return block.output(wide, states).cpu().numpy()  # Shape: (n, d)


def read(text: str, attention: bool = False, use_positions: bool = True):
    """Run the encoder on one text.

    Args:
        text: a sentence.
        attention: True computes the weights too.
        use_positions: False gives every token the position 0.

    Returns:
        (tokens, spans, outputs): the tokens, the span of each in the text, by characters, and
        what the model gives.

    Raises:
        BadInputError: the text is empty or too long for the encoder.
    """
    model, tokenizer, _ = models.load("encoder")
    if not isinstance(text, str) or not text.strip():
        raise BadInputError(f"The text is {text!r}. Give a sentence with at least one word.")
    inputs = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
    spans = inputs.pop("offset_mapping")[0].tolist()
    longest = model.config.max_position_embeddings
    if len(spans) > longest:
        raise BadInputError(
            f"The text has {len(spans)} tokens, and the encoder takes at most {longest}. "
            "Give a shorter one."
        )
    tokens = tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
    if not use_positions:
        inputs["position_ids"] = torch.zeros_like(inputs["input_ids"])
    inputs = inputs.to(model.device)
    before = model.config._attn_implementation
    try:
        if attention:  # the fast implementations never build the table of weights
            model.set_attn_implementation("eager")
        with torch.no_grad(), one_thread():
            outputs = model(**inputs, output_attentions=attention, output_hidden_states=True)
    finally:
        if attention:  # the encoder is shared: leave it as it was
            model.set_attn_implementation(before)
    return tokens, spans, outputs


@contextmanager
def one_thread():
    """Compute on one core for a while: small matrices gain nothing from more, and lose time
    where other programs use the cores too.

    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
