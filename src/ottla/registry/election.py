"""Which of several registries writes: the group elects one by Kafka's own protocol for groups (type `sr`).

    each member's metadata   {"version":1,"host":"h","port":8081,"master_eligibility":true,"scheme":"http"}
    each one's assignment    {"version":1,"error":0,"master":"<member id>","master_identity":{…}}

A registry is a static member (KIP-345): one that was killed and starts again goes on without the others waiting for its
session to end; one that stops in order is taken out of the group.

The group's leader, who is just whoever the coordinator chose to compute, makes the eligible member with the smallest
address the primary. Two members that claim one address make the group refuse to have any: error 1.

Source: Confluent's KafkaGroupLeaderElector, SchemaRegistryProtocol, SchemaRegistryCoordinator.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Self

from ottla.client.membership import Generation, JoinedMember
from ottla.registry import json_fields
from ottla.registry.errors import FieldError, RegistryError
from ottla.registry.json_fields import JsonObject, to_json
from ottla.registry.registry import Registry

PROTOCOL_TYPE: Final = "sr"
PROTOCOL_NAME: Final = "v0"

NO_ERROR: Final = 0
DUPLICATE_URLS: Final = 1

MAX_INSTANCE_ID: Final = 249
"""Kafka's limit for names of this kind."""
RETRY_S: Final = 0.2

_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})|[0-9A-Fa-f:.]{2,45}(%[A-Za-z0-9._-]{1,32})?")
"""A name or an address; nothing that would make another address of the URL it becomes part of."""

_log = logging.getLogger("ottla.registry")


class Identity(NamedTuple):
    """A registry as the others see it."""

    host: str
    port: int
    eligible: bool = True
    scheme: str = "http"

    @property
    def instance_id(self) -> str:
        """The name under which a registry that starts again takes the place of its former self in the group."""
        return re.sub(r"[^a-zA-Z0-9._-]", "-", f"{self.host}-{self.port}")[-MAX_INSTANCE_ID:]

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def as_json(self) -> JsonObject:
        return {
            "version": 1,
            "host": self.host,
            "port": self.port,
            "master_eligibility": self.eligible,
            "scheme": self.scheme,
        }

    @classmethod
    def from_json(cls, fields: object) -> Self:
        """Raises FieldError, also for an address that is none: writes are sent there, with the log-ins of who sent them."""
        if not isinstance(fields, dict):
            raise FieldError("a registry's identity has to be an object")
        eligible = json_fields.boolean(fields, "master_eligibility")
        if eligible is None:
            eligible = json_fields.boolean(fields, "leader_eligibility")
        found = cls(
            json_fields.text(fields, "host") or "",
            json_fields.integer(fields, "port") or 0,
            eligible is not False,
            json_fields.text(fields, "scheme") or "http",
        )
        if not (
            _HOST.fullmatch(found.host) and 0 < found.port < 65_536 and found.scheme in ("http", "https")
        ):
            raise FieldError("a registry's identity has to have the address of a server")
        return found


def assignments(members: Sequence[JoinedMember]) -> Mapping[str, bytes]:
    """As the group's leader: the same assignment for all."""
    identities: dict[str, Identity] = {}
    for member in members:
        try:
            identities[member.member_id] = Identity.from_json(json.loads(member.metadata))
        except (ValueError, RecursionError, RegistryError) as error:
            _log.warning("Member %s can't be made the primary: %s", member.member_id, error)
    answer: JsonObject = {"version": 1, "error": NO_ERROR, "master": None, "master_identity": None}
    if len({each.url for each in identities.values()}) < len(identities):
        answer["error"] = DUPLICATE_URLS
    else:
        eligible = {name: each for name, each in identities.items() if each.eligible}
        if eligible:
            chosen = min(eligible, key=lambda name: eligible[name].url)
            answer |= {"master": chosen, "master_identity": eligible[chosen].as_json()}
    return {member.member_id: to_json(answer) for member in members}


def _elected(assignment: bytes) -> tuple[Identity | None, int]:
    """The primary, and the group's error. Raises ValueError, RecursionError and FieldError: another member wrote it."""
    fields = json.loads(assignment or b"{}")
    if not isinstance(fields, dict):
        raise FieldError("an assignment has to be an object")
    told = json_fields.mapping(fields, "master_identity")
    return None if told is None else Identity.from_json(told), json_fields.integer(fields, "error") or 0


class RegistryMember:
    """What a registry is in its group. Implements `ottla.client.membership.Participant`."""

    def __init__(self, registry: Registry, identity: Identity) -> None:
        self._registry = registry
        self._identity = identity
        self._taking_over: asyncio.Task[None] | None = None

    def protocols(self) -> Sequence[tuple[str, bytes]]:
        return [(PROTOCOL_NAME, to_json(self._identity.as_json()))]

    def assign(self, protocol_name: str, members: Sequence[JoinedMember]) -> Mapping[str, bytes]:  # noqa: ARG002 - there is one
        return assignments(members)

    async def on_assigned(self, generation: Generation, assignment: bytes) -> None:  # noqa: ARG002 - the assignment tells all
        """Lead or follow. Catching up goes on beside, as heartbeats wait for this to end."""
        try:
            primary, error = _elected(assignment)
        except (ValueError, RecursionError, RegistryError) as failure:
            _log.warning("The group's assignment names no primary: %s", failure)
            self._registry.follow(None)
            return
        if error:
            _log.error(
                "Two registries of the group have the address %s; none is the primary. "
                "Give each its own host.name or listeners",
                self._identity.url,
            )
        # Not by the member id: one that started again has another, and the assignment of its former self.
        if primary == self._identity:
            self._taking_over = asyncio.create_task(self._take_over())
        else:
            _log.info("The primary is %s", "not known" if primary is None else primary.url)
            self._registry.follow(None if primary is None else primary.url)

    async def on_revoked(self, generation: Generation) -> None:  # noqa: ARG002 - whichever it was
        task, self._taking_over = self._taking_over, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._registry.follow(None)

    async def _take_over(self) -> None:
        while not self._registry.is_primary:
            try:
                await self._registry.lead(self._identity.url)
            except RegistryError as error:
                _log.warning("Can't be the primary yet: %s", error.message)
                await asyncio.sleep(RETRY_S)
        _log.info("This registry is the primary")
