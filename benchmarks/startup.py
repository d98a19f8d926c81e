"""How long ``import workshop_lib`` takes, beyond starting Python itself."""

import statistics
import subprocess
import sys
import time

RUNS = 15


def seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def measure() -> list[dict]:
    """Time Python with and without the import, in turn, and take medians."""
    bare, importing = [], []
    for _ in range(RUNS):
        bare.append(seconds("pass"))
        importing.append(seconds("import workshop_lib"))
    peer, ours = statistics.median(bare), statistics.median(importing)
    return [
        {
            "name": "`import workshop_lib`",
            "ours": f"{ours - peer:.3f} s",
            "peer": f"{peer:.3f} s (starting Python)",
            "ratio": f"{(ours - peer) / peer:.2f}",
            "target": "under 0.2 s",
            "met": ours - peer < 0.2,
            "note": f"median of {RUNS} starts",
        }
    ]
