"""Attention: the step in which words look at one another, and what it can and can't tell us.

The first half is the mechanism itself, small enough to read: scores, mask, softmax, weighted
sum, heads, positions. The second half looks inside the encoder of the course and measures
what its heads attend to. Used in lesson 02.

Layers and heads are counted from 0, as in Python and in BertViz.
"""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from workshop_lib import models
from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


# ── The mechanism ────────────────────────────────────────────────────────────────────────


def attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None):
    """Return what each token takes from the others, and the weights it takes it with.

    Args:
        queries: Shape (..., n, d_k); what each token looks for.
        keys: Shape (..., m, d_k); what each token offers to be found by.
        values: Shape (..., m, d_v); what each token hands over.
        mask: Shape (n, m) or (..., n, m), True where a query may look at a key; None lets
            every query look at every key.

    Returns:
        (outputs, weights): outputs = softmax(queries keysᵀ / √d_k) values, Shape (..., n, d_v);
        weights, Shape (..., n, m), each row of which sums to 1.

    Raises:
        BadInputError: the shapes don't fit, or a query may look at nothing.

    Source: Vaswani et al. (2017), Attention Is All You Need, equation 1. Used in lesson 02.

    >>> words = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> outputs, weights = attend(words, words, words)
    >>> weights.shape, bool(weights[0, 0] > weights[0, 1])
    (torch.Size([2, 2]), True)
    """
    queries, keys, values = (_floats(given) for given in (queries, keys, values))
    if queries.shape[-1] != keys.shape[-1]:
        raise BadInputError(
            f"A query has {queries.shape[-1]} numbers and a key {keys.shape[-1]}, so that their "
            "dot product doesn't exist. Give both the same width."
        )
    if keys.shape[-2] != values.shape[-2]:
        raise BadInputError(
            f"There are {keys.shape[-2]} keys and {values.shape[-2]} values. Each key needs one "
            "value: give as many of the one as of the other."
        )
    scores = queries @ keys.transpose(-2, -1)  # Shape: (..., n, m)
    scores = scores / math.sqrt(keys.shape[-1])  # Shape: (..., n, m)
    weights = softmax_rows(scores, mask)  # Shape: (..., n, m)
    return weights @ values, weights  # Shapes: (..., n, d_v), (..., n, m)


def softmax_rows(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Turn each row of scores into weights that are positive and sum to 1.

    Args:
        scores: Shape (..., n, m).
        mask: Shape (n, m) or (..., n, m), True where a query may look; elsewhere the score
            becomes −∞, and so the weight 0.

    Returns:
        weights[i, j] = exp(scores[i, j]) / Σ_k exp(scores[i, k]), Shape (..., n, m).

    Raises:
        BadInputError: the mask isn't of True and False, doesn't fit, or leaves a row nothing.

    Used in lesson 02.

    >>> softmax_rows(torch.zeros(2, 2), causal_mask(2)).tolist()
    [[1.0, 0.0], [0.5, 0.5]]
    """
    scores = _floats(scores)
    if mask is not None:
        mask = torch.as_tensor(mask, device=scores.device)
        if mask.dtype != torch.bool:
            raise BadInputError(
                f"The mask holds {str(mask.dtype).removeprefix('torch.')} values. Give True where "
                "a token may look and False where it may not, for example mask == 1."
            )
        fits = mask.ndim >= 2 and mask.shape[-2:] == scores.shape[-2:]
        if not fits:
            raise BadInputError(
                f"The mask has shape {tuple(mask.shape)} and the scores {tuple(scores.shape)}. "
                "Give the mask a row for each query and a column for each key."
            )
        if not mask.any(dim=-1).all():
            row = int((~mask.any(dim=-1)).nonzero()[0, -1])
            raise BadInputError(
                f"Row {row} of the mask is False throughout: that token may look at nothing, "
                "and no weights sum to 1 over nothing. Let it look at itself."
            )
        scores = scores.masked_fill(~mask, -math.inf)
    return torch.softmax(scores, dim=-1)


def causal_mask(n: int) -> Tensor:
    """Return the mask that lets each token look at itself and at earlier tokens only.

    Args:
        n: number of tokens.

    Returns:
        Shape (n, n); mask[i, j] is True where j ≤ i.

    Raises:
        BadInputError: n isn't a positive whole number.

    Used in lesson 02.

    >>> causal_mask(3).int().tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    _positive(n, "tokens")
    return torch.ones(n, n, dtype=torch.bool).tril()


def positional_encoding(n: int, d: int) -> Tensor:
    """Return one vector for each place in a text, to be added to the token vectors.

    Args:
        n: number of places.
        d: width of the model.

    Returns:
        Shape (n, d): table[p, 2i] = sin(p / 10000^(2i/d)), table[p, 2i+1] = cos of the same.
        Slow waves stand on the right, quick ones on the left.

    Raises:
        BadInputError: n or d isn't a positive whole number.

    Source: Vaswani et al. (2017), section 3.5. Used in lesson 02.

    >>> positional_encoding(2, 4)[0].tolist()
    [0.0, 1.0, 0.0, 1.0]
    """
    _positive(n, "places")
    _positive(d, "dimensions")
    places = torch.arange(n, dtype=torch.float64)[:, None]  # Shape: (n, 1)
    even = torch.arange(0, d, 2, dtype=torch.float64)  # Shape: (ceil(d / 2),)
    angles = places / 10000 ** (even / d)  # Shape: (n, ceil(d / 2))
    table = torch.zeros(n, d, dtype=torch.float64)
    table[:, 0::2] = torch.sin(angles)
    table[:, 1::2] = torch.cos(angles[:, : d // 2])
    return table.float()  # Shape: (n, d)


def split_heads(vectors: Tensor, heads: int) -> Tensor:
    """Cut each vector into equal parts, one for each head.

    Args:
        vectors: Shape (b, n, d).
        heads: how many parts; d must be divisible by it.

    Returns:
        Shape (b, heads, n, d / heads).

    Raises:
        BadInputError: d isn't divisible by the number of heads.
    """
    b, n, d = vectors.shape
    _positive(heads, "heads")
    if d % heads:
        raise BadInputError(
            f"A width of {d} can't be shared out equally among {heads} heads. "
            f"Choose a number of heads that divides {d}."
        )
    return vectors.view(b, n, heads, d // heads).transpose(1, 2)  # Shape: (b, heads, n, d_k)


def join_heads(parts: Tensor) -> Tensor:
    """Put the parts of :func:`split_heads` together again.

    Args:
        parts: Shape (b, heads, n, d_k).

    Returns:
        Shape (b, n, heads · d_k).
    """
    b, heads, n, d_k = parts.shape
    return parts.transpose(1, 2).reshape(b, n, heads * d_k)  # Shape: (b, n, d)


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each on its own share of the width: d_k = d / heads.

    Source: Vaswani et al. (2017), section 3.2.2. Used in lesson 02.
    """

    def __init__(self, d: int, heads: int):
        """Make the four learned projections.

        Args:
            d: width of the model.
            heads: number of heads; it must divide d.
        """
        super().__init__()
        split_heads(torch.zeros(1, 1, d), heads)  # raises an error unless heads divides d
        self.heads = heads
        self.query = nn.Linear(d, d)
        self.key = nn.Linear(d, d)
        self.value = nn.Linear(d, d)
        self.output = nn.Linear(d, d)

    def forward(self, inputs: Tensor, mask: Tensor | None = None):
        """Return the outputs, Shape (b, n, d), and the weights, Shape (b, heads, n, n).

        Args:
            inputs: Shape (b, n, d).
            mask: Shape (n, n), True where a token may look; None lets all look at all.
        """
        queries = split_heads(self.query(inputs), self.heads)  # Shape: (b, heads, n, d_k)
        keys = split_heads(self.key(inputs), self.heads)  # Shape: (b, heads, n, d_k)
        values = split_heads(self.value(inputs), self.heads)  # Shape: (b, heads, n, d_k)
        found, weights = attend(queries, keys, values, mask)
        return self.output(join_heads(found)), weights

    @classmethod
    def copy_of(cls, reference: nn.MultiheadAttention) -> MultiHeadAttention:
        """Return a copy of PyTorch's own layer with the same weights.

        Args:
            reference: made with ``batch_first=True`` and biases, without dropout.
        """
        copy = cls(reference.embed_dim, reference.num_heads)
        with torch.no_grad():
            weights = reference.in_proj_weight.chunk(3)  # query, key, value: Shape (d, d) each
            biases = reference.in_proj_bias.chunk(3)
            layers = (copy.query, copy.key, copy.value)
            for layer, weight, bias in zip(layers, weights, biases):
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)
            copy.output.load_state_dict(reference.out_proj.state_dict())
        return copy


# ── Two tables from the lecture behind this lesson ───────────────────────────────────────

# Gopal (2024), LLM & Transfer Learning in Python, Washington University in St. Louis.
CAT_TOKENS = ["YOUR", "CAT", "IS", "A", "LOVELY", "CAT"]
CAT_WEIGHTS = """
0.268 0.119 0.134 0.148 0.179 0.152
0.124 0.278 0.201 0.128 0.154 0.115
0.147 0.132 0.262 0.097 0.218 0.145
0.210 0.128 0.206 0.212 0.119 0.125
0.146 0.158 0.152 0.143 0.227 0.174
0.195 0.114 0.203 0.103 0.157 0.229
"""
MOON_TOKENS = "[SOS] Before my bed lies a pool of moon bright".split()
MOON_SCORES = """
5.45
4.28 2.46
8.17 3.56 5.54
6.71 4.13 6.76 0.79
5.43 7.59 3.91 6.14 9.03
4.42 4.35 7.55 3.14 1.35 7.57
8.36 6.00 4.56 0.52 3.13 6.78 9.00
2.21 3.72 4.16 6.30 0.66 6.14 7.46 6.77
4.08 6.22 5.00 4.20 5.72 5.35 7.46 3.55 4.70
6.43 8.88 6.17 3.65 4.54 5.22 5.51 5.55 0.64 1.38
"""
MOON_WEIGHTS = """
1.00
0.86 0.14
0.92 0.01 0.07
0.47 0.04 0.49 0.00
0.02 0.18 0.00 0.04 0.75
0.02 0.02 0.47 0.01 0.00 0.48
0.31 0.03 0.01 0.00 0.00 0.06 0.59
0.00 0.01 0.02 0.15 0.00 0.12 0.47 0.23
0.02 0.16 0.05 0.02 0.10 0.07 0.55 0.01 0.03
0.07 0.71 0.05 0.03 0.01 0.02 0.03 0.03 0.02 0.03
"""


def lecture_cat() -> tuple[list[str], Tensor]:
    """Return the lecture's attention table for YOUR CAT IS A LOVELY CAT.

    Returns:
        (tokens, weights): weights as printed, Shape (6, 6).

    Used in lesson 02.
    """
    return list(CAT_TOKENS), _triangle(CAT_WEIGHTS, 6)


def lecture_moon() -> tuple[list[str], Tensor, Tensor]:
    """Return the lecture's scores and weights for its example of a causal mask.

    Returns:
        (tokens, scores, weights): both of Shape (10, 10), as printed; 0 above the diagonal,
        where the lecture prints −∞ and 0.

    Used in lesson 02.
    """
    return list(MOON_TOKENS), _triangle(MOON_SCORES, 10), _triangle(MOON_WEIGHTS, 10)


def round_trip(weights: Tensor, i: int, j: int, k: int) -> tuple[float, float]:
    """Return the products of the weights on a walk around three tokens, there and back.

    Where the scores are symmetric (Q = K), both products are equal: each row's sum, by which
    the softmax divides, occurs once on either way.

    Args:
        weights: Shape (n, n).
        i, j, k: three tokens.

    Returns:
        (w_ij w_jk w_ki, w_ik w_kj w_ji).

    Source: Kolmogorov's criterion for reversible Markov chains. Used in lesson 02.

    >>> there, back = round_trip(softmax_rows([[0.0, 1, 2], [1, 0, 3], [2, 3, 0]]), 0, 1, 2)
    >>> math.isclose(there, back, rel_tol=1e-5)
    True
    """
    there = weights[i, j] * weights[j, k] * weights[k, i]
    back = weights[i, k] * weights[k, j] * weights[j, i]
    return float(there), float(back)


def _triangle(text: str, n: int) -> Tensor:
    table = torch.zeros(n, n)
    for row, line in enumerate(text.split("\n")[1:-1]):
        numbers = [float(number) for number in line.split()]
        table[row, : len(numbers)] = torch.tensor(numbers)
    return table


# ── Inside the encoder ───────────────────────────────────────────────────────────────────


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
    tokens, _, outputs = _encode(text, attention=True)
    return tokens, torch.cat(outputs.attentions).cpu().numpy()


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
    tokens, _, outputs = _encode(text, use_positions=use_positions)
    return tokens, torch.cat(outputs.hidden_states).cpu().numpy()


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
        tokens, _, _ = _encode(text)
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


def _encode(text: str, attention: bool = False, use_positions: bool = True):
    """Run the encoder on one text: (tokens, character spans, outputs)."""
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


# ── Who is "it"? ─────────────────────────────────────────────────────────────────────────


def places(text: str, word: str) -> list[int]:
    """Return the positions of a word's tokens in the encoder's reading of a text.

    Args:
        text: a sentence.
        word: a word that stands in it exactly once.

    Returns:
        One position, or several where the encoder cuts the word into pieces.

    Raises:
        BadInputError: the word isn't in the text, or stands there more than once.

    >>> places("The animal was too tired", "animal")
    [2]
    """
    tokenizer = models.load("encoder").tokenizer
    spans = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    return _places(text, spans, word)


def _places(text: str, spans: list, word: str) -> list[int]:
    found = list(re.finditer(rf"\b{re.escape(word)}\b", text, flags=re.IGNORECASE))
    if len(found) != 1:
        raise BadInputError(
            f"The word '{word}' stands {len(found)} times in '{text}', and the measure needs it "
            "exactly once. Choose another word, or reword the sentence."
        )
    start, end = found[0].span()
    return [i for i, (first, last) in enumerate(spans) if first < end and last > start]


def pronoun_attention(
    sentence: str, pronoun: str, antecedent: str, distractor: str
) -> tuple[np.ndarray, np.ndarray]:
    """Measure how much a pronoun attends to the noun it means and to the other noun.

    Args:
        sentence: holds each of the three words exactly once.
        pronoun: such as "it".
        antecedent: the noun that the pronoun refers to.
        distractor: the noun that it could refer to, and doesn't.

    Returns:
        (to_antecedent, to_distractor): two arrays of shape (layers, heads). A noun in several
        pieces counts with the sum of its pieces.

    Raises:
        BadInputError: one of the words isn't in the sentence exactly once.

    Used in lesson 02.
    """
    _, spans, outputs = _encode(sentence, attention=True)
    weights = torch.cat(outputs.attentions).cpu().numpy()  # Shape: (layers, heads, n, n)
    row = weights[:, :, _places(sentence, spans, pronoun)[0], :]  # Shape: (layers, heads, n)
    to_antecedent, to_distractor = (
        row[:, :, _places(sentence, spans, noun)].sum(axis=-1) for noun in (antecedent, distractor)
    )
    return to_antecedent, to_distractor  # Shape: (layers, heads) each


def measure_pronouns(sentences: pd.DataFrame) -> pd.DataFrame:
    """Measure every head on every sentence of a table like ``data.load("pronouns")``.

    Args:
        sentences: with the columns id, pair, sentence, pronoun, antecedent and distractor.

    Returns:
        One row per sentence and head: id, pair, layer, head, to_antecedent, to_distractor,
        and correct: True where the antecedent gets more attention than the distractor.

    Raises:
        BadInputError: a column is missing, or a sentence lacks one of its words.

    Used in lesson 02.
    """
    import pandas as pd

    needed = ["id", "pair", "sentence", "pronoun", "antecedent", "distractor"]
    missing = [column for column in needed if column not in sentences.columns]
    if missing:
        raise BadInputError(
            f"The table lacks the columns {missing}. Take data.load('pronouns'), or one like it."
        )
    parts = []
    for one in sentences[needed].itertuples(index=False):
        right, wrong = pronoun_attention(one.sentence, one.pronoun, one.antecedent, one.distractor)
        layers, heads = right.shape
        part = pd.MultiIndex.from_product([range(layers), range(heads)], names=["layer", "head"])
        part = part.to_frame(index=False)
        part.insert(0, "pair", one.pair)
        part.insert(0, "id", one.id)
        parts.append(part.assign(to_antecedent=right.ravel(), to_distractor=wrong.ravel()))
    measured = pd.concat(parts, ignore_index=True)
    return measured.assign(correct=measured["to_antecedent"] > measured["to_distractor"])


def by_head(measured: pd.DataFrame) -> pd.DataFrame:
    """Sum up the rows of :func:`measure_pronouns` for each head.

    Args:
        measured: what :func:`measure_pronouns` returns, or some of its pairs.

    Returns:
        Indexed by (layer, head): correct, the share of sentences in which the antecedent gets
        more attention; follows, the share of pairs in which that holds for both sentences, so
        that the attention moves with the meaning.

    Used in lesson 02.
    """
    heads = ["layer", "head"]
    both = measured.groupby([*heads, "pair"])["correct"].all()
    return measured.groupby(heads)["correct"].mean().to_frame().assign(
        follows=both.groupby(heads).mean()
    )


def _floats(given) -> Tensor:
    tensor = torch.as_tensor(given)
    if tensor.ndim < 2:
        raise BadInputError(
            f"Attention needs a table with one row per token, and got the shape "
            f"{tuple(tensor.shape)}. For one vector, write vector[None, :]."
        )
    return tensor if tensor.is_floating_point() else tensor.float()


def _positive(n: int, what: str) -> None:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise BadInputError(f"The number of {what} is {n!r}. Give a whole number of at least 1.")
