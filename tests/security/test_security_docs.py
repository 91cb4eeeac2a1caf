"""docs/security.md, executed, and its table of attacks held against the tests it names."""

from __future__ import annotations

import ast
import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from apache_jars import ROOT, java_command
from brokers import free_port
from identity_provider import IdentityProvider
from kerberos import REALM, KerberosRealm

PAGE = (ROOT / "docs" / "security.md").read_text()
PROGRAMS = {
    "kafka-delegation-tokens.sh": "org.apache.kafka.tools.DelegationTokenCommand",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
}
NAMED = sorted(set(re.findall(r"`(test_\w+)\.py::(test_\w+)`", PAGE)))


def test_the_page_about_security_does_what_it_says(tmp_path: Path) -> None:
    """Each block of shell runs: on a free port, with an identity provider and a KDC of this machine."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    script = "\n".join(["set -euo pipefail", "trap 'kill -9 $(jobs -p) 2>/dev/null || true' EXIT", *blocks])
    port = free_port()
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, main_class in PROGRAMS.items():
        java, *rest = java_command("4.1.1", main_class)
        given = f"-Djava.security.krb5.conf={tmp_path}/realm/krb5.conf"
        (programs / name).write_text(f'#!/bin/sh\nexec {java} {given} $KAFKA_OPTS {" ".join(rest)} "$@"\n')
        (programs / name).chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    with IdentityProvider() as provider, KerberosRealm(tmp_path / "realm") as realm:
        for principal, file in (("kafka/localhost", "kafka.keytab"), ("alice", "alice.keytab")):
            (work / file).symlink_to(realm.key_table(principal))
        for page_s, here in (
            ("sasl.oauthbearer.expected.issuer=https://identity.example", None),
            ("https://identity.example", provider.address),
            ("EXAMPLE.COM", REALM),
            ("127.0.0.1:9092", f"127.0.0.1:{port}"),
            ("localhost:9092", f"localhost:{port}"),
        ):
            assert page_s in script
            script = script.replace(page_s, here or page_s.replace("https://", "issuer of "))
        script = script.replace("issuer of ", "https://")
        environment = {
            **realm.environment,
            "KRB5CCNAME": f"FILE:{tmp_path}/tickets",
            "PATH": f"{Path(sys.executable).parent}:{programs}:{os.environ['PATH']}",
        }
        ended = subprocess.run(
            ["bash", "-xc", script],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    log = work / "broker.log"
    assert ended.returncode == 0, (
        f"{ended.stdout[-2000:]}\n{ended.stderr[-4000:]}\n{log.read_text()[-3000:] if log.exists() else ''}"
    )


@functools.cache
def names_in(module: str) -> frozenset[str]:
    """Names of the test functions of a module, wherever below tests/ it lies."""
    [file] = [*(ROOT / "tests").rglob(f"{module}.py")]
    return frozenset(
        each.name for each in ast.walk(ast.parse(file.read_text())) if isinstance(each, ast.FunctionDef)
    )


def test_the_table_names_tests() -> None:
    """The pattern below finds them."""
    assert len(NAMED) > 60


@pytest.mark.parametrize(("module", "name"), NAMED, ids=lambda part: part)
def test_an_attack_s_test_is_there(module: str, name: str) -> None:
    """A row whose test was renamed or taken away promises nothing."""
    assert name in names_in(module)
