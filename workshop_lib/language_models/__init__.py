"""The room of lesson 08: from the next token to an assistant."""

from workshop_lib.language_models.facts import (
    Fact,
    invented_facts,
    learn,
    reversal_test,
    sentences,
    share_recalled,
)

__all__ = ["Fact", "invented_facts", "learn", "reversal_test", "sentences", "share_recalled"]
