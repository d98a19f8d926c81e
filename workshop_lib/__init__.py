"""The library behind the course: one room (module) per lesson, and a few shared ones.

Import the room that you need: ``from workshop_lib import embeddings``. Heavy packages are
imported inside the rooms, so that ``import workshop_lib`` itself is quick.
"""

__version__ = "0.1.0"
