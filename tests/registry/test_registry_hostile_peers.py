"""Members of the registries' group that lie about who they are: whoever may read the group may join it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping, Sequence

import pytest

from brokers import Broker
from conditions import until
from ottla.client.brokers import Brokers
from ottla.client.membership import Generation, GroupMembership, JoinedMember
from ottla.registry.election import PROTOCOL_NAME, PROTOCOL_TYPE, Identity, RegistryMember, assignments
from ottla.registry.errors import FieldError
from registries import RegistryProcess

StartRegistry = Callable[..., RegistryProcess]
METADATA = {"version": 1, "host": "10.0.0.1", "port": 8081, "master_eligibility": True, "scheme": "http"}
LIES: list[tuple[str, object]] = [
    ("host", "a@attacker.example"),
    ("host", "a/../b"),
    ("host", "a\r\nX: 1"),
    ("host", "a b"),
    ("host", "a#b"),
    ("host", "[::1"),
    ("host", ""),
    ("host", "x" * 300),
    ("host", ["a"]),
    ("port", 0),
    ("port", -1),
    ("port", 65_536),
    ("port", "8081/x"),
    ("scheme", "file"),
    ("scheme", "gopher"),
    ("scheme", "http://attacker.example/?"),
    ("master_eligibility", "perhaps"),
]


@pytest.mark.parametrize(("field", "value"), LIES, ids=lambda each: ascii(each)[:30])
def test_what_is_no_address_is_nobodys(field: str, value: object) -> None:
    """Neither as a candidate nor as the primary: writes, with the log-ins of who sends them, are passed on to an address."""
    lie = {**METADATA, field: value}
    with pytest.raises(FieldError):
        Identity.from_json(lie)
    honest = json.dumps({**METADATA, "host": "zz"}).encode()
    members = [JoinedMember("liar", None, json.dumps(lie).encode()), JoinedMember("honest", None, honest)]
    told = json.loads(assignments(members)["honest"])
    assert (told["error"], told["master"]) == (0, "honest")


@pytest.mark.parametrize(
    "metadata", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 9_000]
)
def test_metadata_that_is_none_makes_no_candidate(metadata: bytes) -> None:
    """And ends nobody's membership."""
    members = [
        JoinedMember("liar", None, metadata),
        JoinedMember("honest", None, json.dumps(METADATA).encode()),
    ]
    assert json.loads(assignments(members)["honest"])["master"] == "honest"


@pytest.mark.parametrize(
    "assignment",
    [
        b"[]",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"version":1,"error":"x"}',
        b'{"version":1,"error":0,"master":"m","master_identity":[]}',
        *(
            json.dumps(
                {"version": 1, "error": 0, "master": "m", "master_identity": {**METADATA, field: value}}
            ).encode()
            for field, value in LIES
        ),
    ],
)
def test_assignments_that_are_none_make_nobody_the_primary(assignment: bytes) -> None:
    """The group's leader wrote it, who may be anybody: the registry goes on, without a primary."""
    followed: list[str | None] = []

    class Followed:
        def follow(self, url: str | None) -> None:
            followed.append(url)

    member = RegistryMember(Followed(), Identity("own", 1))  # type: ignore[arg-type] - all that is asked of it here
    generation = Generation("m", 1, PROTOCOL_NAME, "other")
    asyncio.run(member.on_assigned(generation, assignment))
    assert followed == [None]


class Impostor:
    """A member that says it is a registry at an address of the link's own, where clouds keep their machines' secrets."""

    def __init__(self) -> None:
        self.assigned = threading.Event()

    def protocols(self) -> Sequence[tuple[str, bytes]]:
        metadata = {**METADATA, "host": "169.254.169.254", "port": 80}
        return [(PROTOCOL_NAME, json.dumps(metadata).encode())]

    def assign(self, _protocol_name: str, members: Sequence[JoinedMember]) -> Mapping[str, bytes]:
        return assignments(members)

    async def on_assigned(self, _generation: Generation, _assignment: bytes) -> None:
        self.assigned.set()

    async def on_revoked(self, _generation: Generation) -> None:
        self.assigned.clear()


def test_writes_are_not_passed_on_to_a_cloud_s_metadata(
    broker: Broker, start_registry: StartRegistry, subject: str, unique_name: Callable[[str], str]
) -> None:
    """An impostor becomes the primary: nobody is asked at its address, and when it has gone the registry writes again."""
    group = unique_name("impostors")
    registry = start_registry({"schema.registry.group.id": group, "host.name": "registry"})
    schema = {"schema": '"string"'}
    path = f"/subjects/{subject}/versions"
    until(lambda: registry.post(path, schema).status, lambda status: status == 200)
    impostor, leave = Impostor(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def impersonate() -> None:
        async with Brokers(broker.bootstrap_servers) as brokers:
            membership = GroupMembership(brokers, group, PROTOCOL_TYPE, impostor)
            running = asyncio.create_task(membership.run())
            await leave.wait()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await membership.leave()

    thread = threading.Thread(target=loop.run_until_complete, args=(impersonate(),))
    thread.start()
    try:
        other = {"schema": '"long"'}
        refused = until(
            lambda: registry.post(f"/subjects/{unique_name(subject)}/versions", other),
            lambda reply: b"address of the link's own" in reply.content,
            seconds=60,
        )
        assert refused.error == (500, 50003)
    finally:
        loop.call_soon_threadsafe(leave.set)
        thread.join(60)
        loop.close()
    until(
        lambda: registry.post(f"/subjects/{unique_name(subject)}/versions", other).status,
        lambda status: status == 200,
        seconds=60,
    )
