"""Classify texts: fine-tune an encoder, and hold it against simpler models.

* :mod:`~workshop_lib.classify.fine_tuning`: the classifier and how it is trained.
* :mod:`~workshop_lib.classify.baselines`: majority, lexicons, classical models.
* :mod:`~workshop_lib.classify.measures`: tables by label, McNemar, calibration, errors by group.
* :mod:`~workshop_lib.classify.validation`: cross-validation and paired differences.
* :mod:`~workshop_lib.classify.attribution`: which words made the choice.
* :mod:`~workshop_lib.classify.heads`: a small network on the frozen encoder, for searches that must be quick.
* :mod:`~workshop_lib.classify.pretraining`: hidden words and next sentences, before fine-tuning.

Used in lessons 03, 04 and 05.
"""

from workshop_lib.classify.attribution import attributions
from workshop_lib.classify.baselines import BASELINES, Baseline, Lexicon, baseline, best_single_word
from workshop_lib.classify.fine_tuning import Classifier, Settings, fine_tune
from workshop_lib.classify.measures import McNemar, calibration, errors_by, mcnemar, per_class
from workshop_lib.classify.pretraining import cloze, goes_on, guess_by_side, guess_hidden, likeliest
from workshop_lib.classify.tables import LeakWarning, split
from workshop_lib.classify.validation import cross_validate, paired_differences

__all__ = [
    "BASELINES",
    "Baseline",
    "Classifier",
    "LeakWarning",
    "Lexicon",
    "McNemar",
    "Settings",
    "attributions",
    "baseline",
    "best_single_word",
    "calibration",
    "cloze",
    "cross_validate",
    "errors_by",
    "fine_tune",
    "goes_on",
    "guess_by_side",
    "guess_hidden",
    "likeliest",
    "mcnemar",
    "paired_differences",
    "per_class",
    "split",
]
