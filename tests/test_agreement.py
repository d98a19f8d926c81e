"""Krippendorff's alpha, against his own worked examples."""

import math

import numpy as np
import pytest

from workshop_lib import errors
from workshop_lib.agreement import krippendorff_alpha

N = None
# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C: four observers,
# twelve units, missing codes.
FOUR = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
    [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
]


@pytest.mark.parametrize(("level", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_published_example(level, value):
    assert krippendorff_alpha(FOUR, level) == pytest.approx(value, abs=0.0006)


def test_published_example_of_two_observers():
    """The same text, section A: binary codes of ten units by two observers, alpha = 0.095."""
    one = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    two = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert krippendorff_alpha([one, two]) == pytest.approx(0.095, abs=0.001)


def test_perfect_and_chance_agreement():
    chance = np.random.default_rng(0)
    codes = chance.integers(0, 3, (2, 4000)).tolist()
    assert krippendorff_alpha([codes[0], codes[0]]) == 1
    assert krippendorff_alpha(codes) == pytest.approx(0, abs=0.05)
    assert math.isnan(krippendorff_alpha([["a"] * 5, ["a"] * 5]))


def test_bad_codes():
    with pytest.raises(errors.BadInputError, match="3, 2 units"):
        krippendorff_alpha([[1, 2, 3], [1, 2]])
    with pytest.raises(errors.BadInputError, match="no level 'ratio'"):
        krippendorff_alpha([[1], [1]], "ratio")
    with pytest.raises(errors.BadInputError, match="No unit has two codes"):
        krippendorff_alpha([[1, None], [None, 2]])
