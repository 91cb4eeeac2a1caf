"""When the regular expressions of a consumer group are looked up among the topics, and what becomes of the result.

The look-up is a task elsewhere, one a group at a time; all of a group's expressions are looked up together, so that they
show topics of one moment. It is due, at a heartbeat, when a member brings a new expression, when topics were created since
the last time, or when that was long ago (`group.consumer.regex.refresh.interval.ms`); within ten seconds never twice.

Apache: GroupMetadataManager#maybeUpdateRegularExpressions, #handleRegularExpressionsResult.
"""

import logging
from collections.abc import Callable, Collection, Mapping

from ottla.coordination.results import CoordinatorRecord
from ottla.groups import consumer_group_records as records_of
from ottla.groups.consumer_group import UNRESOLVED, ConsumerGroup, ResolvedRegex
from ottla.groups.consumer_group_member import ConsumerGroupMember
from ottla.groups.group_types import GroupParts
from ottla.groups.modern_group import count_topics
from ottla.groups.topic_regex import check_regex, matching_topics

MIN_REFRESH_INTERVAL_MS = 10_000

MayDescribe = Callable[[str], bool]

_log = logging.getLogger(__name__)


class ConsumerGroupRegexes:
    """The look-ups for one coordinator's groups."""

    def __init__(self, parts: GroupParts) -> None:
        self._parts = parts
        self._under_way: set[str] = set()
        """Groups whose expressions are being looked up."""

    def update(
        self,
        group: ConsumerGroup,
        member: ConsumerGroupMember,
        updated: ConsumerGroupMember,
        now_ms: int,
        records: list[CoordinatorRecord],
        may_describe: MayDescribe | None = None,
    ) -> bool:
        """What `updated` in place of `member` means for the expressions; whether it asks for another assignment.

        `may_describe`: whether the member may know of a topic; what it may not know of matches none of the group's
        expressions when they are looked up on its behalf.

        Raises INVALID_REGULAR_EXPRESSION.
        """
        old, new = member.subscribed_topic_regex, updated.subscribed_topic_regex
        bumps = brings_new = False
        if old != new:
            if old and group.regex_subscribers.get(old) == 1:
                records.append(records_of.regex_tombstone(group.group_id, old))
            if new and new not in group.regex_subscribers:
                check_regex(new)
                brings_new = True
            elif new:
                bumps = new in group.regexes
            elif old:
                # Apache forgets this one: the member would keep partitions that it no longer subscribes to.
                bumps = bool(group.regexes.get(old, UNRESOLVED).topics)
        if brings_new or group.regex_subscribers:
            self._look_up_if_due(
                group,
                group.regexes_with(member, updated).keys(),
                now_ms,
                may_describe,
                brings_new=brings_new,
            )
        return bumps

    def _look_up_if_due(
        self,
        group: ConsumerGroup,
        regexes: Collection[str],
        now_ms: int,
        may_describe: MayDescribe | None,
        *,
        brings_new: bool,
    ) -> None:
        last_ms = group.last_regex_refresh_ms
        if group.group_id in self._under_way or not regexes:
            return
        if last_ms is not None and now_ms <= last_ms + MIN_REFRESH_INTERVAL_MS:
            return
        if (
            brings_new
            or last_ms is None
            or len(regexes) != len(group.regexes)
            or group.last_regex_version < self._parts.topics.version_with_new_topics
            or now_ms > last_ms + self._parts.settings.consumer.regex_refresh_interval_ms
        ):
            self._look_up(group.group_id, frozenset(regexes), now_ms, may_describe)

    def _look_up(
        self, group_id: str, regexes: frozenset[str], now_ms: int, may_describe: MayDescribe | None
    ) -> None:
        self._under_way.add(group_id)
        topics, version = self._parts.topics.image.topics, self._parts.topics.version

        def task() -> Mapping[str, ResolvedRegex]:
            matched = matching_topics(regexes, topics)
            return {regex: ResolvedRegex(names, version, now_ms) for regex, names in matched.items()}

        def then(outcome: object, _then_ms: int) -> Collection[CoordinatorRecord]:
            self._under_way.discard(group_id)
            if not isinstance(outcome, Mapping):
                _log.error("Group %s: regular expressions could not be looked up: %s", group_id, outcome)
                return ()
            group = self._parts.groups.find(group_id)
            if not isinstance(group, ConsumerGroup):
                return ()
            return self._found(group, outcome if may_describe is None else _seen(outcome, may_describe))

        self._parts.elsewhere(task, then)

    def _found(
        self, group: ConsumerGroup, resolved: Mapping[str, ResolvedRegex]
    ) -> Collection[CoordinatorRecord]:
        records: list[CoordinatorRecord] = []
        topics = dict(group.subscribed_topic_names)
        bumps = False
        for regex, found in resolved.items():
            if regex not in group.regex_subscribers:
                continue
            known = group.regexes.get(regex, UNRESOLVED)
            if known.topics != found.topics:
                bumps = True
                count_topics(topics, known.topics, -1, by_regex=True)
                count_topics(topics, found.topics, 1, by_regex=True)
            records.append(
                records_of.regex_record(
                    group.group_id, regex, found.topics, found.version, found.timestamp_ms
                )
            )
        metadata_hash = self._parts.topics.hash_of(topics)
        if bumps or metadata_hash != group.metadata_hash:
            epoch = group.group_epoch + 1
            records.append(records_of.group_epoch_record(group.group_id, epoch, metadata_hash))
            group.metadata_refreshed(epoch)
        return records


def _seen(resolved: Mapping[str, ResolvedRegex], may_describe: MayDescribe) -> Mapping[str, ResolvedRegex]:
    """What was found, without the topics that the member may not know of."""
    hidden = {
        topic
        for topic in frozenset().union(*(found.topics for found in resolved.values()))
        if not may_describe(topic)
    }
    if not hidden:
        return resolved
    return {
        regex: ResolvedRegex(found.topics - hidden, found.version, found.timestamp_ms)
        for regex, found in resolved.items()
    }
