"""Clients that log in: how many a second, and what one costs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from benchmarks.clients import login_load
from benchmarks.report import Measure, Row, Target
from benchmarks.rounds import Round, run_in_turns, two_brokers
from benchmarks.sides import Side
from brokers import free_port

USER, PASSWORD = "bench", "bench-secret"
PACE, CPU = "log-ins", "broker CPU"

SETTINGS = {
    "sasl.enabled.mechanisms": "SCRAM-SHA-256",
    "listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
}


def scram_logins(row: Row, *, at_once: int) -> None:
    """Connect, handshake, two tokens, leave; a client with so many connections at a time."""
    count = row.amount(5_000, least=100)
    addresses: dict[str, str] = {}

    def listen(side: Side) -> None:
        address = addresses[side.name] = f"127.0.0.1:{free_port()}"
        side.broker.settings["listeners"] += f",SASL_PLAINTEXT://{address}"
        protocols = "listener.security.protocol.map"
        if protocols in side.broker.settings:
            side.broker.settings[protocols] += ",SASL_PLAINTEXT:SASL_PLAINTEXT"

    def load(side: Side) -> Round:
        before = side.cpu_seconds()
        ended = login_load(addresses[side.name], USER, PASSWORD, count, at_once)
        cpu = side.cpu_seconds() - before
        pace = count / ended.figures["seconds"]
        return Round(pace, {PACE: pace, CPU: cpu / count * 1000}, ended.load)

    measures = [
        Measure(PACE, "1/s", Target("ratio_at_least", 1, unless_client_bound=True)),
        Measure(CPU, "ms", Target("ratio_at_most", 1)),
    ]
    with two_brokers(SETTINGS, before_start=listen) as sides:
        for side in sides:
            set_password(side)
        run_in_turns(row, sides, load, measures)


def set_password(side: Side) -> None:
    """By the listener that asks for none."""
    admin = AdminClient({"bootstrap.servers": side.address, "log_level": 3})
    credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4_096)
    upsertion = UserScramCredentialUpsertion(USER, credential, PASSWORD.encode())
    for done in admin.alter_user_scram_credentials([upsertion]).values():
        done.result(60)


ROWS: dict[str, tuple[str, Callable[[Row], None]]] = {
    "scram_logins": ("SCRAM-SHA-256, 32 clients at a time", partial(scram_logins, at_once=32)),
}
