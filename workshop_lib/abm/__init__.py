"""Agent-based models: segregation after Schelling, epidemics, and agents that decide by language.

:mod:`rules` states the decisions of Schelling's model, :class:`Schelling` plays them on Mesa and
:mod:`fast` on arrays; the measures say how segregated a board is, and :func:`sweep` runs many.
:class:`Epidemic` puts agents beside the differential equation. :class:`LLMSchelling` and
:class:`GenerativeTown` ask a chat model instead of a rule. Used in lesson 07.
"""

from workshop_lib.abm import fast
from workshop_lib.abm.asker import CapReached
from workshop_lib.abm.behaviour import CutContacts, Isolate, together
from workshop_lib.abm.beside import ByHabit, distance, usable
from workshop_lib.abm.chat import LocalChat
from workshop_lib.abm.contacts import reproduction_number
from workshop_lib.abm.epidemic import Epidemic
from workshop_lib.abm.epidemic_theory import final_size, herd_immunity, sir_curve
from workshop_lib.abm.immunity import immunity_sweep
from workshop_lib.abm.llm_schelling import LLMSchelling
from workshop_lib.abm.measures import (
    clusters,
    dissimilarity,
    isolation,
    measures,
    same_colour_share,
    share_happy,
)
from workshop_lib.abm.memory import Memory, scored
from workshop_lib.abm.rules import Rules, classroom, happy, neighbours, seat_agents, textbook
from workshop_lib.abm.schelling import Schelling
from workshop_lib.abm.sweep import phase, sweep
from workshop_lib.abm.town import GenerativeTown
from workshop_lib.abm.views import animation, epidemic_explorer, explorer, solara_page

__all__ = [
    "ByHabit",
    "CapReached",
    "CutContacts",
    "Epidemic",
    "GenerativeTown",
    "Isolate",
    "LLMSchelling",
    "LocalChat",
    "Memory",
    "Rules",
    "Schelling",
    "animation",
    "classroom",
    "clusters",
    "dissimilarity",
    "distance",
    "epidemic_explorer",
    "explorer",
    "fast",
    "final_size",
    "happy",
    "herd_immunity",
    "immunity_sweep",
    "isolation",
    "measures",
    "neighbours",
    "phase",
    "reproduction_number",
    "same_colour_share",
    "scored",
    "seat_agents",
    "share_happy",
    "sir_curve",
    "solara_page",
    "sweep",
    "textbook",
    "together",
    "usable",
]
