"""The audit log: who was refused what (INFO), and at DEBUG who was allowed what, on the logger `kafka.authorizer.logger`.

    Principal = User:alice is Denied operation = READ from host = 192.0.2.7 on resource = Topic:LITERAL:orders
    for request = Fetch with resourceRefCount = 1 based on rule DefaultDeny

Logger, levels and words are those of `StandardAuthorizerData`, for programs that read them. What clients make up stands in
quotes as soon as it holds more than printable characters without blanks, so that no name can look like a line, or like
another's words; and it is cut.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ottla.cluster.acl_bindings import AclBinding, AclOperation, ResourcePattern

if TYPE_CHECKING:
    from ottla.protocol.api_keys import ApiKey
    from ottla.security.authorizer import Decision
    from ottla.security.principal import KafkaPrincipal

LOGGER: Final = "kafka.authorizer.logger"

MAX_LINES_PER_SECOND: Final = 1_000
"""Of refusals; what is more is counted, and the count told with the next line. A client in a loop fills no disk by it."""
MAX_NAME_LENGTH: Final = 256
"""Characters of a name that are shown: no topic's name is longer."""


class AuditLog:
    """See the module; an `Audit` of `authorizer`. `now_ms`: any clock that doesn't stand still."""

    __slots__ = ("_log", "_now_ms", "_passed_over", "_room", "_second")

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._log = logging.getLogger(LOGGER)
        self._now_ms = now_ms
        self._second = -1
        self._room = 0
        self._passed_over = 0

    @property
    def wants_allowed(self) -> bool:
        return self._log.isEnabledFor(logging.DEBUG)

    def note(
        self,
        principal: KafkaPrincipal,
        host: str,
        operation: AclOperation,
        resource: ResourcePattern,
        decision: Decision,
        request: ApiKey | None,
        references: int,
    ) -> None:
        level = logging.DEBUG if decision.is_allowed else logging.INFO
        if not self._log.isEnabledFor(level) or not (decision.is_allowed or self._has_room()):
            return
        self._log.log(
            level,
            "Principal = %s is %s operation = %s from host = %s on resource = %s:%s:%s for request = %s "
            "with resourceRefCount = %d based on rule %s",
            quoted(str(principal)),
            "Allowed" if decision.is_allowed else "Denied",
            operation.name,
            host,
            _pascal_case(resource.resource_type.name),
            resource.pattern_type.name,
            quoted(resource.name),
            "-" if request is None else _pascal_case(request.name),
            references,
            _shown(decision.rule),
        )

    def _has_room(self) -> bool:
        second = self._now_ms() // 1_000
        if second != self._second:
            self._second, self._room = second, MAX_LINES_PER_SECOND
            passed_over, self._passed_over = self._passed_over, 0
            if passed_over:
                self._log.info(
                    "%d more refusals were not written down: there were over %d in a second",
                    passed_over,
                    MAX_LINES_PER_SECOND,
                )
        if self._room == 0:
            self._passed_over += 1
            return False
        self._room -= 1
        return True


def quoted(text: str) -> str:
    """A text that somebody else made up, so that it can be told where it ends: as it is, or as a literal."""
    shown = text if len(text) <= MAX_NAME_LENGTH else f"{text[:MAX_NAME_LENGTH]}…"
    if shown.isprintable() and " " not in shown and not shown.startswith(("'", '"')):
        return shown
    return repr(shown)


def _shown(rule: AclBinding | str) -> str:
    if isinstance(rule, str):
        return rule
    pattern, entry = rule
    return (
        f"MatchingAcl(acl=StandardAcl(resourceType={pattern.resource_type.name}, "
        f"resourceName={quoted(pattern.name)}, patternType={pattern.pattern_type.name}, "
        f"principal={quoted(entry.principal)}, host={quoted(entry.host)}, operation={entry.operation.name}, "
        f"permissionType={entry.permission.name}))"
    )


def _pascal_case(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
