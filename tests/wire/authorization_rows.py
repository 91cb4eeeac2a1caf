"""What each API asks of a client, row by row: Apache's table of protocol privileges, as requests to send.

A row's rights stand in the order in which they are asked for. Without the first one the answer says what that right's absence
shows; with it, what the second one's does; with all of them no answer speaks of rights any more.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import Request, Response
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import Uuid, random_uuid, uuid_text
from ottla.security.acl import AclOperation as Op
from ottla.security.acl import ResourceType as Kind


class Names(NamedTuple):
    """What a request is about."""

    topic: str
    topic_id: Uuid
    group: str
    transactional_id: str


class Right(NamedTuple):
    """One right, and what an answer shows where it is missing: an error, or (None) nothing of the resource."""

    operation: Op
    kind: Kind
    shows: ErrorCode | None

    def name(self, names: Names) -> str:
        return _name(self.kind, names, "kafka-cluster")

    def hidden(self, names: Names) -> str:
        """What is not told without it, where no error is."""
        return _name(self.kind, names, names.topic)


class Row(NamedTuple):
    """One way to ask one API."""

    api: ApiKey
    about: str
    request: Callable[[Names], Request]
    response: type[Response]
    version: int
    needs: tuple[Right, ...]
    or_else: tuple[tuple[Right, ...], ...] = ()
    """Other rights that do as well, each alone."""
    on_absent: bool = False
    """Rights are given to names that don't exist: the request would change what other rows ask about."""
    by_id: bool = False
    """Topics are named by their ids, which are no secret."""

    def __str__(self) -> str:
        return f"{self.api.name}-{self.about}".rstrip("-")


def _name(kind: Kind, names: Names, otherwise: str) -> str:
    return {
        Kind.TOPIC: names.topic,
        Kind.GROUP: names.group,
        Kind.TRANSACTIONAL_ID: names.transactional_id,
    }.get(kind, otherwise)


def topic(operation: Op, shows: ErrorCode | None = ErrorCode.TOPIC_AUTHORIZATION_FAILED) -> Right:
    return Right(operation, Kind.TOPIC, shows)


def group(operation: Op, shows: ErrorCode | None = ErrorCode.GROUP_AUTHORIZATION_FAILED) -> Right:
    return Right(operation, Kind.GROUP, shows)


def txn(operation: Op, shows: ErrorCode | None = ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED) -> Right:
    return Right(operation, Kind.TRANSACTIONAL_ID, shows)


def cluster(operation: Op, shows: ErrorCode | None = ErrorCode.CLUSTER_AUTHORIZATION_FAILED) -> Right:
    return Right(operation, Kind.CLUSTER, shows)


MEMBER = uuid_text(random_uuid(os.urandom(16)))
"""A member id as share groups want it."""

FREE = {
    ApiKey.API_VERSIONS: "comes before anybody is known",
    ApiKey.SASL_HANDSHAKE: "is how one gets known",
    ApiKey.SASL_AUTHENTICATE: "is how one gets known",
    ApiKey.DESCRIBE_CLUSTER: "brokers are no secret; rights tell in the operations it names",
    ApiKey.GET_TELEMETRY_SUBSCRIPTIONS: "every client may push what it is asked for",
    ApiKey.PUSH_TELEMETRY: "every client may push what it is asked for",
    ApiKey.CREATE_DELEGATION_TOKEN: "a token of one's own; rights to others' are the token's to ask",
    ApiKey.RENEW_DELEGATION_TOKEN: "its owner and renewers may",
    ApiKey.EXPIRE_DELEGATION_TOKEN: "its owner and renewers may",
    ApiKey.DESCRIBE_DELEGATION_TOKEN: "tokens that one may not describe are left out",
}
"""APIs that ask for no right before they answer, and why."""
