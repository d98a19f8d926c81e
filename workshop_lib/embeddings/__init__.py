"""Words and texts as vectors: where they come from, how they compare, what they measure.

* :mod:`~workshop_lib.embeddings.encoder`: vectors in context, from the encoder.
* :mod:`~workshop_lib.embeddings.similarity`: the cosine, and analogies with static vectors.
* :mod:`~workshop_lib.embeddings.measures`: association tests and a sense inventory.

Used in lesson 01.
"""

from workshop_lib.embeddings.encoder import CutTextWarning, sentence_vectors, word_in_context
from workshop_lib.embeddings.measures import (
    Association,
    Comparison,
    association_test,
    compare_groups,
    hedges_g,
    sense_accuracy,
    sense_similarity,
)
from workshop_lib.embeddings.similarity import (
    analogy,
    analogy_accuracy,
    context_average,
    cosine,
)

__all__ = [
    "Association",
    "Comparison",
    "CutTextWarning",
    "analogy",
    "analogy_accuracy",
    "association_test",
    "compare_groups",
    "context_average",
    "cosine",
    "hedges_g",
    "sense_accuracy",
    "sense_similarity",
    "sentence_vectors",
    "word_in_context",
]
