"""Measure everything in one run and write ``benchmarks/README.md``: ``python -m benchmarks``."""

import datetime
import importlib
import os
import pkgutil
import platform
from pathlib import Path

import benchmarks
from workshop_lib import runtime

HEADER = """# Benchmarks

Written by `make bench` (`python -m benchmarks`). Each row compares two things within one run, so
that the ratio holds where the seconds don't. This run: {when}, {cores} cores, {processor}, AMX:
{amx}; {report}.

| what | ours | peer | ratio | target | met | note |
|---|---|---|---|---|---|---|
"""


def main() -> None:
    rows = []
    for module in sorted(info.name for info in pkgutil.iter_modules(benchmarks.__path__)):
        measure = getattr(importlib.import_module(f"benchmarks.{module}"), "measure", None)
        if measure:
            print(f"measuring {module} …", flush=True)
            rows += measure()
    columns = ("name", "ours", "peer", "ratio", "target", "met", "note")
    lines = []
    for row in rows:
        row["met"] = {True: "yes", False: "**no**"}.get(row.get("met"), "–")
        lines.append("| " + " | ".join(str(row[column]) for column in columns) + " |")
    header = HEADER.format(
        when=datetime.date.today().isoformat(),
        cores=os.cpu_count(),
        processor=processor(),
        amx="yes" if runtime.cpu_has_amx() else "no",
        report=runtime.report(),
    )
    text = header + "\n".join(lines) + "\n"
    Path(__file__).with_name("README.md").write_text(text, encoding="utf-8")
    print(text)


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
