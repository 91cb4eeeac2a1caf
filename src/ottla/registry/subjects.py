"""Names of subjects and the contexts they lie in.

    orders-value              subject orders-value in the default context `.`
    :.staging:orders-value    the same name in the context `.staging`
    :.staging:                the context itself, where settings or prefixes are meant
    :*:                       all contexts, as a prefix to list by
    :.__GLOBAL:               whose settings hold in all contexts

A context has ids of its own. Confluent: QualifiedSubject.
"""

from __future__ import annotations

from typing import Final, NamedTuple

DEFAULT_CONTEXT: Final = "."
GLOBAL_CONTEXT: Final = ".__GLOBAL"
ALL_CONTEXTS: Final = ":*:"
GLOBAL_SUBJECT: Final = ":.__GLOBAL:"

_RESERVED_NAMES: Final = frozenset({"__GLOBAL", "__EMPTY"})


class QualifiedSubject(NamedTuple):
    """A subject taken apart. `name` is empty where the context itself is meant."""

    context: str
    name: str

    def __str__(self) -> str:
        return self.name if self.context == DEFAULT_CONTEXT else f":{self.context}:{self.name}"


def qualified(subject: str) -> QualifiedSubject:
    """The parts of a subject's name; what has no context is in the default one."""
    if subject.startswith(":."):
        end = subject.find(":", 2)
        if end > 0:
            return QualifiedSubject(subject[1:end], subject[end + 1 :])
    return QualifiedSubject(DEFAULT_CONTEXT, subject)


def context_of(subject: str) -> str:
    """The context a subject lies in."""
    return qualified(subject).context if subject.startswith(":.") else DEFAULT_CONTEXT


def context_subject(context: str) -> str | None:
    """The name under which a context's own settings are kept; None for the default context's."""
    return None if context == DEFAULT_CONTEXT else f":{context}:"


def normalized(subject: str) -> str:
    """One spelling for each subject: without the default context's name."""
    return str(qualified(subject)) if subject.startswith(":.:") else subject


def settings_subject(subject: str | None) -> str | None:
    """The subject whose settings are meant; None for those of the default context."""
    return normalized(subject) or None if subject is not None else None


def has_prefix(subject: str, prefix: str) -> bool:
    """Whether a name begins so; `:*:` in front stands for every context."""
    if prefix.startswith(ALL_CONTEXTS):
        return qualified(subject).name.startswith(prefix.removeprefix(ALL_CONTEXTS))
    if prefix.startswith(":.:"):
        return subject.startswith(prefix[3:]) and not subject.startswith(":.")
    return subject.startswith(prefix)


def in_context(context: str, subject: str) -> str:
    """`subject` as seen from a context: a name without one gets it."""
    if subject.startswith((":.", ":*:")) or context == DEFAULT_CONTEXT:
        return subject
    return f":{context}:{subject}"


def context_name(text: str) -> str:
    """A context as paths name it: `.staging`, `staging` or `:.staging:`."""
    name = text.strip(":")
    return name if name.startswith(".") else f".{name}"


def is_valid(subject: str) -> bool:
    """Whether schemas may be registered under the name."""
    return may_have_settings(subject) and qualified(subject).name != ""


def may_have_settings(subject: str) -> bool:
    """Whether settings and modes may be kept under the name, which may be a context's."""
    if not subject or any(ord(each) < 32 or 127 <= ord(each) < 160 for each in subject):
        return False
    return qualified(subject).name not in _RESERVED_NAMES
