"""What stands in the audit log, and that nobody can write a line of it."""

import logging

import pytest

from ottla.protocol.api_keys import ApiKey
from ottla.security.acl import (
    AclBinding,
    AclEntry,
    AclOperation,
    PatternType,
    PermissionType,
    ResourcePattern,
    ResourceType,
)
from ottla.security.audit_log import LOGGER, MAX_LINES_PER_SECOND, AuditLog
from ottla.security.authorizer import Decision
from ottla.security.principal import KafkaPrincipal

REFUSED = Decision(False, "DefaultDeny")


def note(
    audit: AuditLog,
    name: str,
    *,
    principal: str = "alice",
    decision: Decision = REFUSED,
    request: ApiKey | None = ApiKey.OFFSET_FOR_LEADER_EPOCH,
) -> None:
    audit.note(
        KafkaPrincipal("User", principal),
        "192.0.2.7",
        AclOperation.READ,
        ResourcePattern(ResourceType.TRANSACTIONAL_ID, name, PatternType.LITERAL),
        decision,
        request,
        1,
    )


def test_a_refusal(caplog: pytest.LogCaptureFixture) -> None:
    """Who, what, from where, on what, by which request, and why."""
    with caplog.at_level(logging.INFO, LOGGER):
        note(AuditLog(lambda: 0), "orders")
    [message] = caplog.messages
    assert message == (
        "Principal = User:alice is Denied operation = READ from host = 192.0.2.7 on resource = "
        "TransactionalId:LITERAL:orders for request = OffsetForLeaderEpoch with resourceRefCount = 1 "
        "based on rule DefaultDeny"
    )


def test_what_is_allowed_stands_there_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    """With the rule that allows it."""
    rule = AclBinding(
        ResourcePattern(ResourceType.TRANSACTIONAL_ID, "o", PatternType.PREFIXED),
        AclEntry("User:*", "*", AclOperation.ALL, PermissionType.ALLOW),
    )
    audit = AuditLog(lambda: 0)
    with caplog.at_level(logging.INFO, LOGGER):
        assert not audit.wants_allowed
        note(audit, "orders", decision=Decision(True, rule))
    assert caplog.messages == []
    with caplog.at_level(logging.DEBUG, LOGGER):
        assert audit.wants_allowed
        note(audit, "orders", decision=Decision(True, rule))
    [message] = caplog.messages
    assert "User:alice is Allowed operation = READ" in message
    assert message.endswith(
        "based on rule MatchingAcl(acl=StandardAcl(resourceType=TRANSACTIONAL_ID, resourceName=o, "
        "patternType=PREFIXED, principal=User:*, host=*, operation=ALL, permissionType=ALLOW))"
    )


@pytest.mark.parametrize(
    ("made_up", "shown"),
    [
        ("plain-name_1.x", "plain-name_1.x"),
        ("Prüfung", "Prüfung"),
        ("x is Allowed operation = READ", "'x is Allowed operation = READ'"),
        ("x\nPrincipal = User:root", r"'x\nPrincipal = User:root'"),
        ("x\r\x1b[2J", r"'x\r\x1b[2J'"),
        ("abc\u202edef", r"'abc\u202edef'"),
        ("line\u2028separator", r"'line\u2028separator'"),
        ("'quoted'", "\"'quoted'\""),
        ("x" * 40_000, "x" * 256 + "…"),
    ],
)
def test_names_can_t_pose_as_words_of_the_log(
    caplog: pytest.LogCaptureFixture, made_up: str, shown: str
) -> None:
    """A topic's or a principal's name with blanks, line ends, terminal codes or turned writing stands in quotes."""
    with caplog.at_level(logging.INFO, LOGGER):
        note(AuditLog(lambda: 0), made_up, principal="ed")
    [message] = caplog.messages
    assert message.split("LITERAL:", 1)[1].startswith(f"{shown} for request")
    assert message.isprintable()
    caplog.clear()
    with caplog.at_level(logging.INFO, LOGGER):
        note(AuditLog(lambda: 0), "t", principal=f"{made_up}\n")
    assert caplog.messages[0].isprintable()


def test_a_client_in_a_loop_fills_no_disk(caplog: pytest.LogCaptureFixture) -> None:
    """What is more than a thousand refusals in a second is counted, and the count told later."""
    now_ms = 5_000
    audit = AuditLog(lambda: now_ms)
    with caplog.at_level(logging.INFO, LOGGER):
        for _ in range(MAX_LINES_PER_SECOND + 7):
            note(audit, "t")
        assert len(caplog.messages) == MAX_LINES_PER_SECOND
        now_ms = 6_000
        note(audit, "u")
    assert caplog.messages[-2] == "7 more refusals were not written down: there were over 1000 in a second"
    assert ":u for request" in caplog.messages[-1]
    assert len(caplog.messages) == MAX_LINES_PER_SECOND + 2
