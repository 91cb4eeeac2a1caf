"""Who may do what with a subject, by what the Kafka cluster's own rules allow with its topic. No I/O.

    orders-value, orders-key ─▶ topic orders        reads need READ there, everything that changes something WRITE

Global operations, and subjects whose names are no topic's, are for super users. So are those of other contexts than the default
one: they tell nothing of this cluster's topics.

Source: what Confluent documents of its SimpleTopicAclAuthorizer. Rules of Kafka: KIP-11, KIP-290.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from ottla.registry.acls import MAX_DECISIONS, Operation
from ottla.registry.subjects import DEFAULT_CONTEXT, qualified

_SUFFIXES: Final = ("-value", "-key")
_EVERY_TOPIC: Final = "*"
_READS: Final = frozenset({Operation.SUBJECT_READ, Operation.SUBJECT_COMPATIBILITY_READ})
_USER: Final = "User:"
_ANYONE: Final = "User:*"
_ANYWHERE: Final = "*"


class TopicRight(Enum):
    """What a rule of the cluster is about, as far as it matters here."""

    READ = auto()
    WRITE = auto()
    ALL = auto()


class TopicRule(NamedTuple):
    """A rule of the cluster about topics."""

    topic: str
    is_prefix: bool
    principal: str
    """`User:name`; `User:*` is everyone."""
    host: str
    right: TopicRight
    denies: bool = False

    def is_about(self, topic: str) -> bool:
        """Whether the topic is among those that it names."""
        return topic.startswith(self.topic) if self.is_prefix else self.topic in (topic, _EVERY_TOPIC)


def topic_of(subject: str) -> str | None:
    """The topic that a subject is about; None for no topic of this cluster."""
    context, name = qualified(subject)
    if context != DEFAULT_CONTEXT:
        return None
    return next((name.removesuffix(each) for each in _SUFFIXES if name.endswith(each)), None)


def super_users(text: str) -> frozenset[str]:
    """The principals of `confluent.topic.acl.super.users`, with semicolons; `User:` before a name may be left out."""
    names = (each.strip().removeprefix(_USER) for each in text.split(";"))
    return frozenset(each for each in names if each)


class TopicAcls:
    """The cluster's rules as they were when they were last asked for."""

    def __init__(self, super_users: Iterable[str]) -> None:
        self._super_users = frozenset(super_users)
        self._rules: tuple[TopicRule, ...] | None = None
        self._decisions: dict[tuple[str, TopicRight, str], bool] = {}

    def use(self, rules: Sequence[TopicRule] | None) -> None:
        """What the cluster says now; None while that is not known: then only super users may do anything."""
        fresh = None if rules is None else tuple(rules)
        if fresh != self._rules:
            self._rules = fresh
            self._decisions.clear()

    def allows(self, principal: str, wanted: Operation, subject: str | None) -> bool:
        """Whether a principal may do this with a subject, None for global operations."""
        if principal in self._super_users:
            return True
        topic = None if wanted.is_global or subject is None else topic_of(subject)
        if topic is None or self._rules is None:
            return False
        needed = TopicRight.READ if wanted in _READS else TopicRight.WRITE
        question = (principal, needed, topic)
        decided = self._decisions.get(question)
        if decided is None:
            if len(self._decisions) >= MAX_DECISIONS:
                self._decisions.clear()
            decided = self._decisions[question] = self._decide(*question)
        return decided

    def _decide(self, principal: str, needed: TopicRight, topic: str) -> bool:
        """A denial goes before whatever allows. Of what holds for single hosts only, denials count."""
        allowed = False
        for rule in self._rules or ():
            if not rule.is_about(topic) or rule.principal not in (_USER + principal, _ANYONE):
                continue
            if rule.right not in (needed, TopicRight.ALL):
                continue
            if rule.denies:
                return False
            allowed = allowed or rule.host == _ANYWHERE
        return allowed
