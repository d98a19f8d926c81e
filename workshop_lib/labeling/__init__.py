"""Labelling with language models as a research instrument.

A :class:`Codebook` asks typed questions. An engine answers them: a chat model, an encoder, a
person. :func:`plan` says what a run would cost and send, :func:`label` makes it and loses
nothing, :func:`validate` says what its labels are worth, :func:`correct` corrects estimates for
their errors. Used in lesson 06.
"""

from workshop_lib.labeling.codebook import Choice, Codebook, Scale, Tags
from workshop_lib.labeling.correction import Correction, correct, coverage, power, sample_for_gold
from workshop_lib.labeling.engines.chat import Chat
from workshop_lib.labeling.engines.clip import Clip
from workshop_lib.labeling.engines.decisions import Decisions, LocalDecisions
from workshop_lib.labeling.engines.encoder import Encoder
from workshop_lib.labeling.engines.human import Human, adjudicate
from workshop_lib.labeling.engines.replay import Replay
from workshop_lib.labeling.examples import check_jsonl, finetune_jsonl, hosted_finetune, load_tuned, tune_assistant
from workshop_lib.labeling.multiverse import multiverse
from workshop_lib.labeling.pitfalls import pitfalls
from workshop_lib.labeling.privacy import audit, key, redact
from workshop_lib.labeling.prompts import WORDINGS, Shots, items, requests
from workshop_lib.labeling.protocol import Answer, Engine, Item, Request, StopRun
from workshop_lib.labeling.report import report
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
    "WORDINGS", "Answer", "Chat", "Choice", "Clip", "Codebook", "Correction", "Decisions", "Encoder", "Engine",
    "Human", "Item", "LocalDecisions", "Replay", "Request", "Scale", "Shots", "StopRun", "Tags", "Validation",
    "adjudicate", "alternative_annotator_test", "audit", "check_jsonl", "compare", "correct", "coverage",
    "finetune_jsonl", "hosted_finetune", "items", "key", "label", "load_tuned", "local_server", "multiverse",
    "order_test", "pilot", "pitfalls", "plan", "power", "read_results", "redact", "report", "requests", "resume",
    "sample_for_gold", "tune_assistant", "validate", "vote", "wording_test",
]  # fmt: skip
