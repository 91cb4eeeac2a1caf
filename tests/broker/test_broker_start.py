"""What a start costs: nothing is imported that a broker can do without, and processor time stays below a budget."""

import os
import resource
import subprocess
import sys

IMPORT_THE_BROKER = "import sys, ottla.cli.main, ottla.cli.broker_process, ottla.broker.process; "

HEAVY = {
    "aiokafka",
    "confluent_kafka",
    "email",
    "h11",
    "hypothesis",
    "importlib.metadata",
    "kazoo",
    "multiprocessing",
    "pathlib",
    "pytest",
    "rich",
    "shutil",
    "tempfile",
    "typer",
    "unittest",
    "urllib.parse",
    "zipfile",
}
"""Each takes between two milliseconds and two hundred, and a broker needs none of them to serve."""

BARE_SERVER = "import asyncio, ssl, sqlite3, json, uvloop"

MOST_BARE_SERVERS = 6
"""A start may cost as much as so many bare servers of the same libraries; with all of Kafka's groups in it, it costs about
four, give or take a half by what the machine does meanwhile."""


def test_a_broker_imports_nothing_heavy():
    """The command line, its errors and the server bring none of the libraries that only other commands need."""
    imported = set(
        subprocess.run(
            [sys.executable, "-c", IMPORT_THE_BROKER + "print(*sys.modules)"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
    )
    assert "ottla.broker.server" in imported
    assert imported & HEAVY == set()


def test_a_start_costs_no_more_than_a_few_bare_servers(tmp_path):
    """Processor time, not the clock's; against what Python and its libraries cost on this machine, busy as it is."""
    # The bytecode lies in a directory of the test's own, whatever the environment says of writing it.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    broker, bare = (
        min(_cpu_seconds(program, environment) for _ in range(4))
        for program in (IMPORT_THE_BROKER, BARE_SERVER)
    )
    assert broker < MOST_BARE_SERVERS * bare, f"{broker:.3f} s against {bare:.3f} s"


def _cpu_seconds(program: str, environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
