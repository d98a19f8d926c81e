"""Classify texts: fine-tune an encoder, and hold it against simpler models.

* :mod:`~workshop_lib.classify.fine_tuning`: the classifier and how it is trained.
* :mod:`~workshop_lib.classify.baselines`: majority, lexicons, classical models.
* :mod:`~workshop_lib.classify.measures`: tables by label, McNemar, calibration, errors by group.
* :mod:`~workshop_lib.classify.validation`: cross-validation and paired differences.
* :mod:`~workshop_lib.classify.attribution`: which words made the choice.

Used in lessons 03, 04 and 05.
"""

from workshop_lib.classify.attribution import attributions
from workshop_lib.classify.baselines import BASELINES, Baseline, Lexicon, baseline, best_single_word
from workshop_lib.classify.fine_tuning import Classifier, Settings, fine_tune
from workshop_lib.classify.measures import McNemar, calibration, errors_by, mcnemar, per_class
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
    "cross_validate",
    "errors_by",
    "fine_tune",
    "mcnemar",
    "paired_differences",
    "per_class",
    "split",
]
