"""Subscriptions by regular expression: which topics match.

The expressions are RE2's, as in Apache (RE2/J): matching takes time linear in the topic's name, so that a client cannot
hold the coordinator up with one. An expression must match the whole name.

google-re2 is loaded by the first such subscription; a broker without any does without it.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    import re2

MAX_REGEX_MEMORY_BYTES: Final = 8 << 20
"""What one compiled expression may take; a larger one is refused (RE2's own default)."""

# What RE2/J says where RE2 has other words; the rest are alike.
_DESCRIPTIONS = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "trailing \\": "trailing backslash at end of expression",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
}


def check_regex(regex: str) -> None:
    """Raise INVALID_REGULAR_EXPRESSION for one that RE2 does not take."""
    import re2

    try:
        _compiled(regex)
    except re2.error as error:
        raise KafkaError(
            ErrorCode.INVALID_REGULAR_EXPRESSION,
            f"SubscribedTopicRegex `{regex}` is not a valid regular expression: {_description(error)}.",
        ) from None


def matching_topics(regexes: Iterable[str], topics: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """By regular expression the topics that it matches. One that RE2 does not take (from another broker's log) matches
    none. Touches nothing else: it may run in any thread."""
    import re2

    matched: dict[str, frozenset[str]] = {}
    for regex in regexes:
        try:
            fullmatch = _compiled(regex).fullmatch
        except re2.error:
            matched[regex] = frozenset()
        else:
            matched[regex] = frozenset(topic for topic in topics if fullmatch(topic) is not None)
    return matched


def _compiled(regex: str) -> "re2._Regexp":
    import re2

    options = re2.Options()
    options.log_errors = False  # RE2 would write them to stderr
    options.max_mem = MAX_REGEX_MEMORY_BYTES
    return re2.compile(regex, options)


def _description(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    head, _, _ = text.partition(": ")
    return _DESCRIPTIONS.get(head, head)
