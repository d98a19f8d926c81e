"""Labelling with language models as a research instrument.

A :class:`Codebook` asks typed questions. An engine answers them: a chat model, an encoder, a
person. :func:`plan` says what a run would cost and send, :func:`label` makes it and loses
nothing, :func:`validate` says what its labels are worth, :func:`correct` corrects estimates for
their errors. Used in lesson 06.
"""

from workshop_lib.labeling.codebook import Choice, Codebook, Scale, Tags
from workshop_lib.labeling.correction import Correction, correct, coverage, power, sample_for_gold
from workshop_lib.labeling.engines.chat import Chat
from workshop_lib.labeling.engines.decisions import Decisions, LocalDecisions
from workshop_lib.labeling.pitfalls import pitfalls
from workshop_lib.labeling.privacy import audit, key, redact
from workshop_lib.labeling.prompts import WORDINGS, Shots, items, requests
from workshop_lib.labeling.protocol import Answer, Engine, Item, Request, StopRun
from workshop_lib.labeling.runs import compare, label, pilot, plan, read_results, resume, vote
from workshop_lib.labeling.server import local_server
from workshop_lib.labeling.validation import (
    Validation,
    alternative_annotator_test,
    order_test,
    validate,
    wording_test,
)

__all__ = [
    "WORDINGS", "Answer", "Chat", "Choice", "Codebook", "Correction", "Decisions", "Engine", "Item", "LocalDecisions",
    "Request", "Scale", "Shots", "StopRun", "Tags", "Validation", "alternative_annotator_test", "audit", "compare",
    "correct", "coverage", "items", "key", "label", "local_server", "order_test", "pilot", "pitfalls", "plan", "power",
    "read_results", "redact", "requests", "resume", "sample_for_gold", "validate", "vote", "wording_test",
]  # fmt: skip
