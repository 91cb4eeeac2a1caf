"""The settings of an authorizer: which one, who may do everything, and what holds without rules.

In Apache Kafka `super.users` and `allow.everyone.if.no.acl.found` belong to the authorizer that is loaded, not to the broker: no
list of a broker's settings has them, and DescribeConfigs shows them without their values. So it is here.
Source: `StandardAuthorizer.configure` of 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from ottla.config.sources import Given

CLASS_NAME: Final = "authorizer.class.name"
SUPER_USERS: Final = "super.users"
ALLOW_EVERYONE: Final = "allow.everyone.if.no.acl.found"

SERVED: Final = frozenset(
    {
        "kafka.security.authorizer.AclAuthorizer",
        "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    }
)
"""Apache's two. They decide alike; here both stand for the one authorizer there is."""
OF_THE_AUTHORIZER: Final = frozenset({SUPER_USERS, ALLOW_EVERYONE})


class AuthorizerSettings(NamedTuple):
    """What an authorizer is made with."""

    super_users: frozenset[str]
    """As `Type:name`."""
    allow_everyone_if_no_acl_found: bool


def authorizer_settings(given: Mapping[str, Given]) -> AuthorizerSettings | None:
    """None: there is no authorizer, and everyone may do everything."""
    if not _text(given, CLASS_NAME):
        return None
    return AuthorizerSettings(
        super_users=frozenset(_super_users(given)),
        allow_everyone_if_no_acl_found=_text(given, ALLOW_EVERYONE).lower() == "true",
    )


def faults(given: Mapping[str, Given]) -> Iterator[tuple[str, str]]:
    """Each setting that can't be used, and why."""
    class_name = _text(given, CLASS_NAME)
    if not class_name:
        return
    if class_name not in SERVED:
        yield (
            CLASS_NAME,
            f"there are no Java classes to load; served are {' and '.join(sorted(SERVED))}",
        )
    for user in _super_users(given):
        principal_type, separator, name = user.partition(":")
        if not separator or not principal_type or not name:
            wanted = "expected a string in format principalType:principalName"
            yield SUPER_USERS, f"{wanted} but got {user}; several are separated by semicolons"


def without_effect(given: Mapping[str, Given]) -> str:
    """Why the authorizer's settings change nothing; empty when they do."""
    if _text(given, CLASS_NAME):
        return ""
    return f"there is no authorizer; {CLASS_NAME} sets one"


def _super_users(given: Mapping[str, Given]) -> Iterator[str]:
    for user in _text(given, SUPER_USERS).split(";"):
        if user.strip():
            yield user.strip()


def _text(given: Mapping[str, Given], name: str) -> str:
    found = given.get(name)
    return "" if found is None else found.text.strip()
