"""The mechanism of attention, small enough to read: scores, mask, softmax, heads, places.

Used in lesson 02.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from workshop_lib.errors import BadInputError


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
