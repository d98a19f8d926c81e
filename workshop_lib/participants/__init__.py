"""Language models as participants and as makers of stimuli, held against people.

Real people first (:mod:`people`), then their profiles in words (:mod:`personas`), a survey
(:mod:`surveys`) or an experiment (:mod:`experiments`) on any engine of labeling, and scores against
people (:mod:`scores`) beside baselines that need no model (:mod:`baselines`), over many prompts
(:mod:`multiverse`). :mod:`stimuli` rewrites messages, :mod:`blind` has them compared. Used in
lesson 10.
"""

from workshop_lib.participants.baselines import baseline, baselines, compare
from workshop_lib.participants.blind import blind_pairs, unblind
from workshop_lib.participants.correlations import item_correlations
from workshop_lib.participants.design import Design
from workshop_lib.participants.experiments import Experiment, groups_of
from workshop_lib.participants.markers import MARKERS, count_markers, marker_differences
from workshop_lib.participants.multiverse import multiverse, multiverse_summary
from workshop_lib.participants.observed import observed_effects
from workshop_lib.participants.people import anes96, answers, codebook
from workshop_lib.participants.personas import STYLES, Persona, draw_personas, from_profiles
from workshop_lib.participants.polls import nonvoters
from workshop_lib.participants.published import (
    FRAMING,
    framing,
    planted,
    published_effects,
    rand_health,
)
from workshop_lib.participants.scores import distribution_scores, effect_scores
from workshop_lib.participants.stimuli import faults, suggest
from workshop_lib.participants.subgroups import anes_case, constructed_case, error_directions
from workshop_lib.participants.surveys import ask, draw_answers, shares
from workshop_lib.participants.writers import ChatWriter, LocalWriter

__all__ = [
    "FRAMING", "MARKERS", "STYLES", "ChatWriter", "Design", "Experiment", "LocalWriter",
    "Persona", "anes96", "anes_case", "answers", "ask", "baseline", "baselines", "blind_pairs",
    "codebook", "compare", "constructed_case", "count_markers", "distribution_scores",
    "draw_answers", "draw_personas", "effect_scores", "error_directions", "faults", "framing", "from_profiles",
    "groups_of", "item_correlations", "marker_differences", "multiverse", "multiverse_summary",
    "nonvoters", "observed_effects", "planted", "published_effects", "rand_health", "shares",
    "suggest", "unblind",
]  # fmt: skip
