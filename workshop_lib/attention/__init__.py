"""Attention: the step in which words look at one another, and what it can and can't tell us.

``mechanism`` is attention itself; ``encoder`` looks inside the encoder of the course;
``pronouns`` measures what its heads attend to; ``lecture`` holds two tables of the lecture.
Layers and heads are counted from 0, as in Python and in BertViz. Used in lesson 02.
"""

from workshop_lib.attention.encoder import (
    cosine_by_layer,
    feed_forward,
    hidden_states,
    last_token,
    maps,
    one_thread,
    queries_and_keys,
)
from workshop_lib.attention.lecture import lecture_cat, lecture_moon, round_trip
from workshop_lib.attention.mechanism import (
    MultiHeadAttention,
    attend,
    causal_mask,
    join_heads,
    positional_encoding,
    softmax_rows,
    split_heads,
)
from workshop_lib.attention.pronouns import by_head, measure_pronouns, places, pronoun_attention

__all__ = [
    "MultiHeadAttention",
    "attend",
    "by_head",
    "causal_mask",
    "cosine_by_layer",
    "feed_forward",
    "hidden_states",
    "join_heads",
    "last_token",
    "lecture_cat",
    "lecture_moon",
    "maps",
    "measure_pronouns",
    "one_thread",
    "places",
    "positional_encoding",
    "pronoun_attention",
    "queries_and_keys",
    "round_trip",
    "softmax_rows",
    "split_heads",
]
