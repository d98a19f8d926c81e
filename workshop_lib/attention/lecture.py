"""Two tables from the lecture behind lesson 02, as printed, and a test of such a table."""

from __future__ import annotations

import torch
from torch import Tensor

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

    >>> import math
    >>> from workshop_lib.attention import softmax_rows
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
