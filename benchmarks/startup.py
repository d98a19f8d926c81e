"""How long ``import workshop_lib`` and loading each shipped model take."""

import statistics
import subprocess
import sys
import time

from workshop_lib import models

RUNS = 15
LOAD_RUNS = 5
LOAD = """
import time, torch, transformers
start = time.perf_counter()
from workshop_lib import models
models.load({role!r}, "mini")
print(time.perf_counter() - start)
"""


def seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def measure() -> list[dict]:
    return [importing_the_library(), *(loading(role) for role, profile in models.CARDS if profile == "mini")]


def loading(role: str) -> dict:
    """Time ``models.load`` of a role in a new Python that has PyTorch and transformers imported."""
    runs = []
    for _ in range(LOAD_RUNS):
        done = subprocess.run([sys.executable, "-c", LOAD.format(role=role)], check=True, capture_output=True, text=True)
        runs.append(float(done.stdout))
    took = statistics.median(runs)
    return {
        "name": f'`models.load("{role}")`',
        "ours": f"{took:.2f} s",
        "peer": "–",
        "ratio": "–",
        "target": "under 3 s",
        "met": took < 3,
        "note": f"median of {LOAD_RUNS} new processes, after the imports of PyTorch and transformers",
    }


def importing_the_library() -> dict:
    """Time Python with and without the import, in turn, and take medians."""
    bare, importing = [], []
    for _ in range(RUNS):
        bare.append(seconds("pass"))
        importing.append(seconds("import workshop_lib"))
    peer = statistics.median(bare)
    more = max(0.0, statistics.median(importing) - peer)
    return {
        "name": "`import workshop_lib`",
        "ours": f"{more:.3f} s",
        "peer": f"{peer:.3f} s (starting Python)",
        "ratio": f"{more / peer:.2f}",
        "target": "under 0.2 s",
        "met": more < 0.2,
        "note": f"median of {RUNS} starts",
    }
