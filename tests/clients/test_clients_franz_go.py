"""franz-go: its own tests of package kgo, against this broker.

They are compiled out of the module cache (tests/go) and told by their own variables to use one replica and few
records. Its tests of SCRAM and of share groups leave themselves out: they want a log-in, and Kafka 4.2.
"""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from brokers import Broker
from programs import FRANZ_GO_TESTS, franz_go_package

RECORDS = 25_000
"""More than two of the 10,000 that its producers put into a transaction."""

CHAINS = (
    "range",
    "cooperative-sticky",
    "range/848",
    "sticky/848",
    "cooperative-sticky/static",
    "sticky/848/static",
)


@pytest.mark.timeout(600)
def test_franz_go_kgo(broker: Broker) -> None:
    """Every test of the package passes: chains of groups of every assignor and of KIP-848, with transactions and without."""
    ended = subprocess.run(
        [FRANZ_GO_TESTS, "-test.v", "-test.timeout=550s"],
        cwd=franz_go_package(),
        env={
            **os.environ,
            "KGO_SEEDS": broker.bootstrap_servers,
            "KGO_TEST_RF": "1",
            "KGO_TEST_RECORDS": str(RECORDS),
            "KGO_LOG_LEVEL": "none",
        },
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    output = ended.stdout + ended.stderr
    assert ended.returncode == 0, "\n".join(
        re.findall(r"^.*(?:FAIL|panic|\.go:\d+:).*$", output, re.MULTILINE)[-60:]
    )
    passed = set(re.findall(r"^\s*--- PASS: (\S+)", output, re.MULTILINE))
    assert {
        *(f"{test}/{chain}" for test in ("TestGroupETL", "TestTxnEtl") for chain in CHAINS),
        "TestConsumeRegex",
        "TestIssue434",
    } <= passed
