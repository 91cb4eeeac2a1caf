"""Runs the rows named on the command line, or all, and writes the table."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import time
import traceback
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

from apache_jars import ROOT
from benchmarks import page_cache, report
from benchmarks.rounds import place
from benchmarks.shapes import SHAPES


def main() -> int:
    """Exit code 0 when every row ran, whether or not its target was reached."""
    parser = argparse.ArgumentParser(prog="make bench ROWS=", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="names or patterns: produce_1k_1p, memory_*")
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds on each side (3)")
    parser.add_argument("--seconds", type=float, default=240, help="time for one row (240)")
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="part of the amounts (1); below 1 only shows that a row works",
    )
    parser.add_argument("--list", action="store_true", help="print the rows' names and end")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(f"{name:24}{title}" for name, (title, _) in SHAPES.items()))
        return 0
    patterns = arguments.rows or ["*"]
    unknown = [each for each in patterns if not any(fnmatch(name, each) for name in SHAPES)]
    if unknown:
        print(f"no row matches {', '.join(unknown)}; there are {', '.join(SHAPES)}", file=sys.stderr)
        return 2
    # An end by `kill` or `timeout` takes the brokers along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    warm_rounds = 8 if arguments.scale >= 1 else 1
    effort = report.Effort(arguments.rounds, warm_rounds, arguments.seconds, arguments.scale)
    where = setting()
    results = ROOT / "benchmarks" / "results" if arguments.scale >= 1 else place() / "trial"
    rows: list[report.Row] = []
    failed = False
    for name, (title, run) in SHAPES.items():
        if not any(fnmatch(name, each) for each in patterns):
            continue
        print(f"{name}: {title}", flush=True)
        row = report.Row(name, title, effort=effort)
        rows.append(row)
        started = time.monotonic()
        try:
            run(row)
        except Exception as error:  # noqa: BLE001 - a row that breaks must not cost the others
            traceback.print_exc()
            row.notes.append(f"did not run to its end: {error}")
            row.measures.append(report.Measure("nothing measured", "–", report.Target("at_most", 0)))
            failed = True
        # What is measured is measured: whoever ends the run keeps the rows so far.
        path = report.write(rows, where, results)
        print(f"  {time.monotonic() - started:.0f} s", flush=True)
    page_cache.empty(place())
    print(path.read_text())
    print(path)
    return int(failed)


def setting() -> report.Setting:
    """This machine, this commit, now."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
    return report.Setting(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        commit=commit.stdout.strip() or "unknown",
        cores=os.cpu_count() or 0,
        machine=f"{model}, Linux {platform.release()}, Python {platform.python_version()}",
    )


sys.exit(main())
