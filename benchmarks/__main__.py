"""Measure everything and write ``benchmarks/README.md``: ``python -m benchmarks``.

``python -m benchmarks classify abm`` measures these modules only; the rows of the others are those
of their last run on this machine, kept in ``build/benchmarks``.
"""

import argparse
import datetime
import importlib
import json
import os
import pkgutil
import platform
from pathlib import Path

import benchmarks
from workshop_lib import runtime

HEADER = """# Benchmarks

Written by `make bench` (`python -m benchmarks`). Each row compares two things within one run, so
that the ratio holds where the seconds don't. Measured on {when}, {cores} cores, {processor}, AMX:
{amx}; {report}.

| what | ours | peer | ratio | target | met | note |
|---|---|---|---|---|---|---|
"""
COLUMNS = ("name", "ours", "peer", "ratio", "target", "met", "note")
MODULES = [
    info.name
    for info in pkgutil.iter_modules(benchmarks.__path__)
    if info.name != "__main__" and hasattr(importlib.import_module(f"benchmarks.{info.name}"), "measure")
]
STORE = Path(__file__).parents[1] / "build" / "benchmarks"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("modules", nargs="*", metavar="MODULE", help=f"one of {', '.join(MODULES)}; without: all")
    chosen = options.parse_args().modules or MODULES
    unknown = sorted(set(chosen) - set(MODULES))
    if unknown:
        options.error(f"no such module: {', '.join(unknown)}. There are {', '.join(MODULES)}.")
    STORE.mkdir(parents=True, exist_ok=True)
    for name in chosen:
        print(f"measuring {name} …", flush=True)
        rows = importlib.import_module(f"benchmarks.{name}").measure()
        text = json.dumps({"when": datetime.date.today().isoformat(), "rows": rows}, indent=1, default=bool)
        (STORE / f"{name}.json").write_text(text, encoding="utf-8")
    print(write())


def write() -> str:
    """Write ``benchmarks/README.md`` from the stored rows, and return it."""
    files = [STORE / f"{name}.json" for name in MODULES]
    missing = [file.stem for file in files if not file.exists()]
    runs = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]
    header = HEADER.format(
        when=" and ".join(sorted({run["when"] for run in runs})),
        cores=os.cpu_count(),
        processor=processor(),
        amx="yes" if runtime.cpu_has_amx() else "no",
        report=runtime.report(),
    )
    lines = [line(row) for run in runs for row in run["rows"]]
    text = header + "\n".join(lines) + "\n"
    if missing:
        text += f"\nNot measured here: {', '.join(missing)}.\n"
    Path(__file__).with_name("README.md").write_text(text, encoding="utf-8")
    return text


def line(row: dict) -> str:
    """Return one row as a line of the table."""
    met = {True: "yes", False: "**no**"}.get(row.get("met"), "–")
    return "| " + " | ".join(str((row | {"met": met})[column]) for column in COLUMNS) + " |"


def processor() -> str:
    """Return the processor's model name."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(": ")[1]
    return platform.processor()


if __name__ == "__main__":
    main()
