"""Who may do what with which subject: operations, and the rules of the topic `_schemas_acl`. No I/O.

    SUBJECT_READ, SUBJECT_WRITE, SUBJECT_DELETE                          a subject's schemas
    SUBJECT_COMPATIBILITY_READ, SUBJECT_COMPATIBILITY_WRITE              its level and its mode
    GLOBAL_COMPATIBILITY_READ, GLOBAL_COMPATIBILITY_WRITE                those of everything
    GLOBAL_READ (GLOBAL_SUBJECTS_READ in older versions)                 what there is

A rule gives a principal, or `*` for every one, operations on a subject, on all whose names begin with what stands before a `*`
at the end, on all (`*`), or the global ones. There are no denials: who has no rule may do nothing.

    key     {"keytype":"ACL","principal":"alice","subject":"orders-value"}       without "subject": the global operations
    value   {"operations":["SUBJECT_READ","SUBJECT_WRITE"]}                      none: the rule is taken away

Operations and their meaning are those of Confluent's security plugin (SchemaRegistryAclAuthorizer); how it writes its own records
isn't published, so these are ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

EVERYTHING: Final = "*"
"""As a subject, a principal or an operation: all of them."""
KEY_TYPE: Final = "ACL"
MAX_DECISIONS: Final = 10_000
"""Decisions that are remembered; one more, and they are made anew."""
MAX_RULES: Final = 100_000


class Operation(StrEnum):
    """What a rule allows."""

    SUBJECT_READ = "SUBJECT_READ"
    SUBJECT_WRITE = "SUBJECT_WRITE"
    SUBJECT_DELETE = "SUBJECT_DELETE"
    SUBJECT_COMPATIBILITY_READ = "SUBJECT_COMPATIBILITY_READ"
    SUBJECT_COMPATIBILITY_WRITE = "SUBJECT_COMPATIBILITY_WRITE"
    GLOBAL_COMPATIBILITY_READ = "GLOBAL_COMPATIBILITY_READ"
    GLOBAL_COMPATIBILITY_WRITE = "GLOBAL_COMPATIBILITY_WRITE"
    GLOBAL_READ = "GLOBAL_READ"

    @property
    def is_global(self) -> bool:
        """Whether it is about no subject."""
        return self in GLOBAL_OPERATIONS


GLOBAL_OPERATIONS: Final = frozenset(
    {Operation.GLOBAL_COMPATIBILITY_READ, Operation.GLOBAL_COMPATIBILITY_WRITE, Operation.GLOBAL_READ}
)
SUBJECT_OPERATIONS: Final = frozenset(Operation) - GLOBAL_OPERATIONS

_OTHER_NAMES: Final = {"GLOBAL_SUBJECTS_READ": Operation.GLOBAL_READ}

Operations = frozenset[Operation]
NO_OPERATIONS: Final[Operations] = frozenset()


class InvalidRuleError(ValueError):
    """A rule that can't be: the text says which part of it, and what there is."""


class MalformedAclError(ValueError):
    """A record that is no rule."""


class AclRule(NamedTuple):
    """What a principal may do. `subject` is None for the global operations."""

    principal: str
    subject: str | None
    operations: Operations

    @property
    def place(self) -> tuple[str, str | None]:
        """What there is one rule of."""
        return self.principal, self.subject


def operation(name: str) -> Operation:
    """By its name, also an older one; raises `InvalidRuleError`."""
    known = _OTHER_NAMES.get(name.upper())
    if known is not None:
        return known
    try:
        return Operation(name.upper())
    except ValueError:
        raise InvalidRuleError(
            f"{name!r} is no operation; there are {', '.join(Operation)}, and {EVERYTHING} for all"
        ) from None


def rules_for(principal: str, subject: str | None, names: Iterable[str]) -> list[AclRule]:
    """The rules that a person means: operations by name, `*` for all there are; on the subject `*`, the global ones too.

    Raises `InvalidRuleError`.
    """
    if not principal or subject == "":
        raise InvalidRuleError("a rule needs a principal, and a subject that isn't empty")
    asked: set[Operation] = set()
    for name in names:
        if name == EVERYTHING:
            asked |= SUBJECT_OPERATIONS if subject is not None else GLOBAL_OPERATIONS
            asked |= GLOBAL_OPERATIONS if subject == EVERYTHING else NO_OPERATIONS
        else:
            asked.add(operation(name))
    about_subjects, about_all = frozenset(asked & SUBJECT_OPERATIONS), frozenset(asked & GLOBAL_OPERATIONS)
    if about_subjects and subject is None:
        raise InvalidRuleError(
            f"{', '.join(sorted(about_subjects))} need a subject; {EVERYTHING} is every one"
        )
    rules = [AclRule(principal, subject, about_subjects)] if about_subjects else []
    if about_all:
        rules.append(AclRule(principal, None, about_all))
    if not rules:
        raise InvalidRuleError("a rule needs an operation")
    return rules


def acl_key(principal: str, subject: str | None) -> bytes:
    """The key of a rule's record: one spelling, since compaction goes by bytes."""
    parts = {"keytype": KEY_TYPE, "principal": principal}
    if subject is not None:
        parts["subject"] = subject
    return json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()


def acl_value(operations: Operations) -> bytes | None:
    """The value of a rule's record; None, which takes it away, where nothing is allowed any more."""
    if not operations:
        return None
    return json.dumps({"operations": sorted(operations)}, separators=(",", ":")).encode()


def decode_acl(key: bytes, value: bytes | None) -> AclRule:
    """The rule of a record; one without operations where it is taken away. Raises `MalformedAclError`."""
    try:
        parts = json.loads(key)
        if parts["keytype"] != KEY_TYPE:
            raise MalformedAclError(f"a record of another kind, {parts['keytype']!r}")
        principal, subject = parts["principal"], parts.get("subject")
        names = json.loads(value)["operations"] if value else []
        if not isinstance(principal, str) or not isinstance(subject, str | None):
            raise MalformedAclError("its principal or subject is no text")
        return AclRule(principal, subject, frozenset(operation(name) for name in names))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, MalformedAclError):
            raise
        raise MalformedAclError("it is no rule") from None


class AclRules:
    """All rules, as the records of the topic make them, one after the other."""

    def __init__(self) -> None:
        self._rules: dict[str, dict[str | None, Operations]] = {}
        """By principal and subject."""
        self._count = 0
        self._decisions: dict[tuple[str, Operation, str | None], bool] = {}

    def __len__(self) -> int:
        return self._count

    def apply(self, rule: AclRule) -> None:
        """Take a record's rule in place of the one before it. More rules than `MAX_RULES` are passed over."""
        own = self._rules.get(rule.principal, {})
        is_new = rule.subject not in own
        self._decisions.clear()
        if rule.operations:
            if is_new and self._count >= MAX_RULES:
                return
            self._rules.setdefault(rule.principal, own)[rule.subject] = rule.operations
            self._count += is_new
        elif not is_new:
            del own[rule.subject]
            self._count -= 1
            if not own:
                del self._rules[rule.principal]

    def rules(self) -> list[AclRule]:
        """Every rule, sorted."""
        found = [
            AclRule(principal, subject, operations)
            for principal, own in self._rules.items()
            for subject, operations in own.items()
        ]
        return sorted(found, key=lambda rule: (rule.principal, rule.subject or ""))

    def operations(self, principal: str, subject: str | None) -> Operations:
        """What the rule of just this principal and subject allows."""
        return self._rules.get(principal, {}).get(subject, NO_OPERATIONS)

    def allows(self, principal: str, wanted: Operation, subject: str | None) -> bool:
        """Whether a principal may do this with a subject, None for global operations."""
        question = (principal, wanted, subject)
        decided = self._decisions.get(question)
        if decided is None:
            if len(self._decisions) >= MAX_DECISIONS:
                self._decisions.clear()
            decided = self._decisions[question] = any(
                _allow(self._rules[each], wanted, subject)
                for each in (principal, EVERYTHING)
                if each in self._rules
            )
        return decided


def _allow(rules: Mapping[str | None, Operations], wanted: Operation, subject: str | None) -> bool:
    if wanted.is_global or subject is None:
        return wanted in rules.get(None, NO_OPERATIONS)
    if wanted in rules.get(subject, NO_OPERATIONS):
        return True
    return any(
        wanted in operations
        and pattern is not None
        and pattern.endswith(EVERYTHING)
        and subject.startswith(pattern[:-1])
        for pattern, operations in rules.items()
    )
