"""SCRAM credentials of users, kept and described (KIP-554); what they are good for is the SASL listeners' matter.

A client sends a salted password. What is kept proves a password without being one (RFC 5802), in the user's node:

    "SCRAM-SHA-256": "salt=…,stored_key=…,server_key=…,iterations=4096"      each in base64

    stored_key = H(HMAC(salted password, "Client Key"))      server_key = HMAC(salted password, "Server Key")

Rules, order of checks and texts: `ScramControlManager`, `ScramImage` of 4.1; the form in the tree: `ScramCredentialUtils`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from ottla.cluster.decision import Decision
from ottla.cluster.entity_nodes import Announce, store
from ottla.cluster.image import ImageDraft, MetadataImage
from ottla.cluster.quota_entities import ABSENT, QuotaEntity, entities
from ottla.protocol.errors import ErrorCode, KafkaError

MIN_ITERATIONS: Final = 4_096
MAX_ITERATIONS: Final = 16_384


class Mechanism(enum.IntEnum):
    """By its number on the wire."""

    SCRAM_SHA_256 = 1
    SCRAM_SHA_512 = 2

    @property
    def setting(self) -> str:
        """Under which name a user's node has it."""
        return self.name.replace("_", "-")

    @property
    def digest(self) -> str:
        """The hash function, as `hashlib` calls it."""
        return "sha256" if self is Mechanism.SCRAM_SHA_256 else "sha512"


class ScramAlteration(NamedTuple):
    """A credential to be set or, without `salted_password`, to be taken away."""

    user: str
    mechanism: int
    iterations: int = 0
    salt: bytes = b""
    salted_password: bytes | None = None


class ScramOutcome(NamedTuple):
    user: str
    error: ErrorCode = ErrorCode.NONE
    message: str | None = None


def alter_scram(
    image: MetadataImage, alterations: Sequence[ScramAlteration], announce: Announce
) -> Decision[ScramOutcome]:
    """Each user by itself, at most one credential of a user at a time; deletions stand before the others."""
    decision: Decision[ScramOutcome] = Decision(ImageDraft(image))
    stored = dict(image.configs)
    refused: dict[str, KafkaError] = {}
    wanted: dict[str, ScramAlteration] = {}
    for alteration in alterations:
        user = alteration.user
        if user in refused:
            continue
        try:
            if wanted.pop(user, None) is not None:
                raise KafkaError(  # noqa: TRY301 - one way out for all
                    ErrorCode.DUPLICATE_RESOURCE,
                    "A user credential cannot be altered twice in the same request",
                )
            _check(image, alteration)
        except KafkaError as error:
            refused[user] = error
        else:
            wanted[user] = alteration
    for alteration in wanted.values():
        entity = QuotaEntity(user=alteration.user)
        values = dict(stored.get(entity.resource(), {}))
        mechanism = Mechanism(alteration.mechanism)
        if alteration.salted_password is None:
            del values[mechanism.setting]
        else:
            values[mechanism.setting] = _credential(mechanism, alteration, alteration.salted_password)
        store(decision, stored, entity, values, announce)
    decision.outcomes = [
        *(ScramOutcome(user) for user in wanted),
        *(ScramOutcome(user, error.code, error.message) for user, error in refused.items()),
    ]
    return decision


def credentials(image: MetadataImage) -> Iterator[tuple[str, dict[Mechanism, int]]]:
    """Every user that has any, with the mechanisms and their iterations."""
    for entity, values in entities(image.configs):
        if entity.client_id == entity.ip == ABSENT and entity.user:
            found = {each: _iterations(values[each.setting]) for each in Mechanism if each.setting in values}
            if found:
                yield entity.user, found


def _check(image: MetadataImage, alteration: ScramAlteration) -> None:
    if not alteration.user:
        raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Username must not be empty")
    if alteration.mechanism not in list(Mechanism):
        raise KafkaError(ErrorCode.UNSUPPORTED_SASL_MECHANISM, "Unknown SCRAM mechanism")
    if alteration.salted_password is None:
        known: Mapping[str, str] = image.configs.get(QuotaEntity(user=alteration.user).resource(), {})
        if Mechanism(alteration.mechanism).setting not in known:
            raise KafkaError(
                ErrorCode.RESOURCE_NOT_FOUND, "Attempt to delete a user credential that does not exist"
            )
    elif alteration.iterations > MAX_ITERATIONS:
        raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Too many iterations")
    elif alteration.iterations < MIN_ITERATIONS:
        raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Too few iterations")


def _credential(mechanism: Mechanism, alteration: ScramAlteration, salted_password: bytes) -> str:
    # Here, for no broker that starts needs OpenSSL's hashes.
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    client_key = hmac.digest(salted_password, b"Client Key", mechanism.digest)
    stored_key = hashlib.new(mechanism.digest, client_key).digest()
    server_key = hmac.digest(salted_password, b"Server Key", mechanism.digest)
    parts = {"salt": alteration.salt, "stored_key": stored_key, "server_key": server_key}
    told = ",".join(f"{name}={base64.b64encode(part).decode()}" for name, part in parts.items())
    return f"{told},iterations={alteration.iterations}"


def _iterations(credential: str) -> int:
    for part in credential.split(","):
        name, _, value = part.partition("=")
        if name == "iterations" and value.isdecimal():
            return int(value)
    return 0
