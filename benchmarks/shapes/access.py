"""What access rules cost: produce under ten thousand of them beside produce under none, on the same kind of broker."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean

from benchmarks.clients import delete_topic, generate, make_topic
from benchmarks.report import Measure, Row, Target
from benchmarks.rounds import Round, run_in_turns, two_brokers
from benchmarks.sides import Side
from benchmarks.wire import Connection, batch, produce_request, write_frames
from ottla.protocol.messages.create_acls import AclCreation, CreateAclsRequest, CreateAclsResponse

CPU, PACE, BY_CPU, BY_PACE = "CPU", "requests", "CPU, by that without", "requests, by those without"

RULES_AT_ONCE = 1_000
PAIRS = 2
"""Of turns forth and back, in a round."""
_TOPIC, _GROUP = 2, 3
_LITERAL, _PREFIXED = 3, 4
_ALL, _READ = 2, 3
_DENY, _ALLOW = 2, 3

# The controller that Apache's broker carries is nobody's super user: what has no rule stays open to it.
AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}


def rules(count: int) -> list[AclCreation]:
    """One lets the load in; the others are about other users, a hundred of them about the very same topics."""
    made = [
        AclCreation(
            resource_type=_TOPIC,
            resource_name="bench-",
            resource_pattern_type=_PREFIXED,
            principal="User:ANONYMOUS",
            host="*",
            operation=_ALL,
            permission_type=_ALLOW,
        )
    ]
    for number in range(count - 1):
        of_the_load = number < 100
        made.append(
            AclCreation(
                resource_type=_GROUP if number % 10 == 0 and not of_the_load else _TOPIC,
                resource_name="bench-" if of_the_load else f"service-{number // 3}-",
                resource_pattern_type=_PREFIXED if of_the_load or number % 2 else _LITERAL,
                principal=f"User:service-{number}",
                host="*",
                operation=_READ,
                permission_type=_DENY if number % 7 == 0 else _ALLOW,
            )
        )
    return made


def make_rules(side: Side, wanted: list[AclCreation]) -> None:
    """Raises unless all of them are made."""
    connection = Connection(side.address)
    for start in range(0, len(wanted), RULES_AT_ONCE):
        request = CreateAclsRequest(creations=wanted[start : start + RULES_AT_ONCE])
        answer = connection.ask(request, CreateAclsResponse, 3)
        refused = {(each.error_code, each.error_message) for each in answer.results if each.error_code}
        if refused:
            raise RuntimeError(f"{side.name} takes no rules: {refused}")
    connection.close()


def produce_under_rules(row: Row, *, count: int, connections: int, in_flight: int, requests: int) -> None:
    """100-byte records, each a request of its own, acks=1, over six partitions: the least that a decision can hide in."""
    requests = row.amount(requests)

    def produce(side: Side) -> tuple[float, float, float]:
        """Requests a second, CPU microseconds a request, and the client's load."""
        topic = make_topic(side.address, 6)
        host, port = side.address.split(":")
        with tempfile.TemporaryDirectory() as directory:
            frames = write_frames(
                Path(directory) / "frames",
                [produce_request(topic, {partition: batch([b"x" * 100])}) for partition in range(6)],
            )
            before = side.cpu_seconds()
            ended = generate("replay", host, port, frames, connections, in_flight, requests)
            cpu = side.cpu_seconds() - before
        delete_topic(side.address, topic)
        return ended.figures["requests"] / ended.figures["seconds"], cpu / requests * 1e6, ended.load

    with two_brokers() as open_ones, two_brokers(AUTHORIZER) as guarded_ones:
        for side in guarded_ones:
            make_rules(side, rules(count))
        without = {side.name: side for side in open_ones}

        def load(side: Side) -> Round:
            # Whoever comes first in a pair does so once, and last once: what drifts meets both alike.
            open_side = without[side.name]
            turns = [(each, produce(each)) for each in (open_side, side, side, open_side) * PAIRS]
            (open_pace, open_cpu, _), (pace, cpu, client) = (
                tuple(map(mean, zip(*(found for each, found in turns if each is of), strict=True)))
                for of in (open_side, side)
            )
            figures = {BY_CPU: cpu / open_cpu, BY_PACE: pace / open_pace, CPU: cpu, PACE: pace}
            return Round(pace, figures, client)

        measures = [
            Measure(BY_CPU, "×", Target("at_most", 1.05)),
            Measure(BY_PACE, "×"),
            Measure(CPU, "µs a request"),
            Measure(PACE, "1/s"),
        ]
        run_in_turns(row, guarded_ones, load, measures)


ROWS: dict[str, tuple[str, Callable[[Row], None]]] = {
    "acl_produce": (
        "one record a request under 10,000 access rules, beside none",
        partial(produce_under_rules, count=10_000, connections=1, in_flight=5, requests=50_000),
    ),
}
