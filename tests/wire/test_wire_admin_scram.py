"""SCRAM credentials described and altered (KIP-554)."""

from collections.abc import Callable

import pytest
from wire_client import WireClient

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    ScramCredentialDeletion,
    ScramCredentialUpsertion,
)
from ottla.protocol.messages.describe_user_scram_credentials import (
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
    UserName,
)

SHA_256, SHA_512 = 1, 2
NONE: tuple[int, str | None] = (ErrorCode.NONE, None)
Outcomes = dict[str, tuple[int, str | None]]


def credential(user: str, mechanism: int = SHA_256, iterations: int = 4_096) -> ScramCredentialUpsertion:
    return ScramCredentialUpsertion(
        name=user, mechanism=mechanism, iterations=iterations, salt=b"salt", salted_password=b"password"
    )


def alter(
    wire: WireClient, *upsertions: ScramCredentialUpsertion, delete: tuple[tuple[str, int], ...] = ()
) -> Outcomes:
    request = AlterUserScramCredentialsRequest(
        upsertions=list(upsertions),
        deletions=[ScramCredentialDeletion(name=user, mechanism=mechanism) for user, mechanism in delete],
    )
    answer = wire.ask(request, AlterUserScramCredentialsResponse, 0)
    return {each.user: (each.error_code, each.error_message) for each in answer.results}


def describe(wire: WireClient, *users: str) -> dict[str, tuple[int, list[tuple[int, int]]]]:
    request = DescribeUserScramCredentialsRequest(users=[UserName(name=user) for user in users])
    answer = wire.ask(request, DescribeUserScramCredentialsResponse, 0)
    assert (answer.error_code, answer.error_message) == (ErrorCode.NONE, "")
    return {
        each.user: (each.error_code, [(info.mechanism, info.iterations) for info in each.credential_infos])
        for each in answer.results
    }


def test_credentials_are_kept_and_taken_away(wire: WireClient, unique_name: Callable[[str], str]) -> None:
    """One mechanism at a time, and only its iterations are shown."""
    user = unique_name("ä b/user")
    assert alter(wire, credential(user)) == {user: NONE}
    assert alter(wire, credential(user, SHA_512, 8_192)) == {user: NONE}
    both = [(SHA_256, 4_096), (SHA_512, 8_192)]
    until(lambda: describe(wire, user), lambda seen: seen == {user: (ErrorCode.NONE, both)})
    assert describe(wire)[user] == (ErrorCode.NONE, both)
    assert alter(wire, delete=((user, SHA_256),)) == {user: NONE}
    assert alter(wire, delete=((user, SHA_512),)) == {user: NONE}
    until(lambda: describe(wire, user), lambda seen: seen == {user: (ErrorCode.RESOURCE_NOT_FOUND, [])})
    assert user not in describe(wire)


@pytest.mark.parametrize(
    ("upsertion", "code", "message"),
    [
        (credential("u", iterations=4_095), ErrorCode.UNACCEPTABLE_CREDENTIAL, "Too few iterations"),
        (credential("u", iterations=16_385), ErrorCode.UNACCEPTABLE_CREDENTIAL, "Too many iterations"),
        (credential("u", 3), ErrorCode.UNSUPPORTED_SASL_MECHANISM, "Unknown SCRAM mechanism"),
        (credential(""), ErrorCode.UNACCEPTABLE_CREDENTIAL, "Username must not be empty"),
    ],
)
def test_credentials_that_are_none(
    wire: WireClient, upsertion: ScramCredentialUpsertion, code: ErrorCode, message: str
) -> None:
    """Refused for the user they are meant for."""
    assert alter(wire, upsertion) == {upsertion.name: (code, message)}


def test_a_user_named_twice_is_refused(wire: WireClient, unique_name: Callable[[str], str]) -> None:
    """In a change, even with two mechanisms, and in a question; others of the request are served."""
    user, other = unique_name("twice"), unique_name("once")
    outcomes = alter(wire, credential(user), credential(user, SHA_512), credential(other))
    refused = (ErrorCode.DUPLICATE_RESOURCE, "A user credential cannot be altered twice in the same request")
    assert outcomes == {user: refused, other: NONE}
    until(lambda: describe(wire, other)[other][0], lambda code: code == ErrorCode.NONE)
    seen = describe(wire, user, user, other)
    assert seen[user] == (ErrorCode.DUPLICATE_RESOURCE, [])
    assert seen[other] == (ErrorCode.NONE, [(SHA_256, 4_096)])
    assert alter(wire, delete=((other, SHA_512),)) == {
        other: (ErrorCode.RESOURCE_NOT_FOUND, "Attempt to delete a user credential that does not exist")
    }
