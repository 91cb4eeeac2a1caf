"""What stands between a request and its handler when there are access rules: the table of rights, and what is remembered."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import ottla
from ottla.broker.access import CLUSTER, MAX_REMEMBERED_TOPICS, REFUSALS, AllowedTopics
from ottla.broker.context import ConnectionInfo, RequestContext
from ottla.broker.dispatch import Registration
from ottla.broker.handlers.registered import all_registrations
from ottla.cluster.acl_bindings import AclNode
from ottla.protocol.api_keys import ApiKey
from ottla.security.acl import (
    SUPPORTED_OPERATIONS,
    AclEntry,
    AclOperation,
    PatternType,
    PermissionType,
    ResourcePattern,
    ResourceType,
)
from ottla.security.authorizer import Authorizer

ALLOWED = ResourcePattern(ResourceType.TOPIC, "allowed", PatternType.PREFIXED)
WRITE = AclEntry("User:ANONYMOUS", "*", AclOperation.WRITE, PermissionType.ALLOW)


def registration_id(registration: Registration) -> str:
    return registration.api_key.name


@pytest.mark.parametrize("registration", all_registrations(), ids=registration_id)
def test_needs_name_what_the_request_has_and_the_resource_knows(registration: Registration) -> None:
    """A slip in the table would refuse everybody, or nobody, at the first request."""
    fields = {field.name for field in registration.request_class.__fields__}
    for need in registration.needs:
        assert (need.resource_type is CLUSTER) == (need.field == "")
        assert need.field in fields | {""}
        assert need.operation in SUPPORTED_OPERATIONS[need.resource_type]
        assert need.resource_type in REFUSALS


def documented() -> Iterator[str]:
    page = Path(ottla.__file__).parents[2] / "docs" / "authorization.md"
    for line in page.read_text().splitlines():
        if line.startswith("| ") and not line.startswith(("| |", "| API")):
            yield line.split("|")[1].strip()


def test_the_manual_names_every_api_once() -> None:
    """In docs/authorization.md a reader finds what each API asks for."""
    served = sorted(each.request_class.__name__.removesuffix("Request") for each in all_registrations())
    assert sorted(documented()) == served


@pytest.fixture
def context() -> RequestContext:
    """A request of nobody in particular."""
    connection = ConnectionInfo("", "PLAINTEXT", "PLAINTEXT", "127.0.0.1", 9092, "127.0.0.1", 40_000)
    return RequestContext(ApiKey.PRODUCE, 9, 1, None, connection, 0)


@pytest.fixture
def authorizer() -> Authorizer:
    """Topics that begin with `allowed` may be written by everyone, others by nobody."""
    made = Authorizer()
    made.apply({ALLOWED: AclNode((WRITE,))}, [ALLOWED])
    return made


def test_an_allowed_topic_is_remembered_until_a_rule_changes(
    authorizer: Authorizer, context: RequestContext
) -> None:
    """A denied one never is."""
    topics = AllowedTopics(AclOperation.WRITE)
    assert not topics.remembers(authorizer, "allowed")
    assert topics.ask(authorizer, context, "allowed")
    assert topics.remembers(authorizer, "allowed")
    assert not topics.ask(authorizer, context, "other")
    assert not topics.remembers(authorizer, "other")
    authorizer.apply({}, [ALLOWED])
    assert not topics.remembers(authorizer, "allowed")
    assert not topics.ask(authorizer, context, "allowed")


def test_what_a_connection_is_remembered_for_has_a_bound(
    authorizer: Authorizer, context: RequestContext
) -> None:
    """Past it the older ones are asked for anew."""
    topics = AllowedTopics(AclOperation.WRITE)
    names = [f"allowed-{number}" for number in range(MAX_REMEMBERED_TOPICS + 1)]
    assert all(topics.ask(authorizer, context, name) for name in names)
    remembered = [name for name in names if topics.remembers(authorizer, name)]
    assert remembered == names[-1:]
    assert topics.ask(authorizer, context, names[0])
