"""franz-go: its own tests of package kgo, against this broker.

They are compiled out of the module cache (tests/go) and told by their own variables to use one replica and few
records. Tests of what the broker doesn't announce (KIP-848 groups, share groups, SCRAM) leave themselves out.
"""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from brokers import Broker
from programs import FRANZ_GO_TESTS, franz_go_package

RECORDS = 3000

# TestTxnEtl is the transactional twin of TestGroupETL: it needs AddPartitionsToTxn, AddOffsetsToTxn and EndTxn.
NEEDS_TRANSACTIONS = "^TestTxnEtl$"


@pytest.mark.timeout(600)
def test_franz_go_kgo_without_the_transactional_test(broker: Broker) -> None:
    """Every other test of the package passes, the ones that talk to a broker among them."""
    ended = subprocess.run(
        [FRANZ_GO_TESTS, "-test.v", "-test.timeout=550s", f"-test.skip={NEEDS_TRANSACTIONS}"],
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
        "TestGroupETL/range",
        "TestGroupETL/cooperative-sticky",
        "TestConsumeRegex",
        "TestIssue434",
    } <= passed
