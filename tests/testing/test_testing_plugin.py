"""The pytest plugin in a project of its own: each test writes a small project and runs pytest in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs" / "testing.md"


def run_pytest(project: Path, *arguments: str, configuration: str = "") -> subprocess.CompletedProcess[str]:
    """Run pytest in a project, warnings as errors but for kafka-python's own use of what Python has deprecated."""
    (project / "pytest.ini").write_text(
        f"[pytest]\nfilterwarnings =\n    error\n    ignore:.*_text is deprecated\n{configuration}",
        encoding="utf-8",
    )
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_examples_of_the_documentation_run(tmp_path: Path) -> None:
    """Every Python block in docs/testing.md that holds tests passes as it stands there."""
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    for number, block in enumerate(blocks):
        (tmp_path / f"test_block_{number}.py").write_text(block, encoding="utf-8")
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(blocks)} passed" in done.stdout


SHARING = """
seen = []

def test_one(kafka):
    seen.append(kafka.port)

def test_two(kafka, new_kafka):
    seen.append(kafka.port)
    assert new_kafka.port != kafka.port

def test_shared():
    assert len(set(seen)) == {brokers}
"""


@pytest.mark.parametrize(("configuration", "brokers"), [("", 1), ("ottla_kafka_scope = function\n", 2)])
def test_the_scope_is_the_projects_choice(tmp_path: Path, configuration: str, brokers: int) -> None:
    """One broker for the session unless the project says otherwise."""
    (tmp_path / "test_sharing.py").write_text(SHARING.format(brokers=brokers), encoding="utf-8")
    done = run_pytest(tmp_path, configuration=configuration)
    assert done.returncode == 0, done.stdout + done.stderr


def test_settings_and_process_come_from_the_configuration(tmp_path: Path) -> None:
    """The broker's settings are lines of the ini file."""
    (tmp_path / "test_settings.py").write_text(
        "def test_settings(kafka):\n"
        "    assert kafka._settings['num.partitions'] == '4'\n"
        "    kafka.create_topic('four', partitions=-1)\n"
        "    assert 'Separate' in type(kafka._running).__name__\n",
        encoding="utf-8",
    )
    done = run_pytest(
        tmp_path, configuration="ottla_kafka_process = true\nottla_kafka_settings =\n    num.partitions=4\n"
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("configuration", "complaint"),
    [
        ("ottla_kafka_scope = forever\n", "choose from session, package, module, class, function"),
        ("ottla_kafka_settings =\n    nonsense\n", "'nonsense' is not of the form name=value"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, configuration: str, complaint: str) -> None:
    """What is wrong, and what would be right."""
    (tmp_path / "test_any.py").write_text("def test_any(kafka): pass\n", encoding="utf-8")
    done = run_pytest(tmp_path, configuration=configuration)
    assert done.returncode != 0
    assert complaint in done.stdout + done.stderr


def test_a_project_that_does_not_use_it_does_not_pay() -> None:
    """Loading the plugin loads nothing of the broker, the clients or asyncio."""
    program = (
        "import sys, pytest; before = set(sys.modules); import ottla.testing.plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert [one for one in loaded if not one.startswith("ottla")] == []
    assert set(loaded) <= {"ottla", "ottla.testing", "ottla.testing.broker", "ottla.testing.plugin"}
