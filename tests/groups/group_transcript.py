"""Scenarios of groups as transcripts: what clients did, and below each line what was answered, when, and to whom.

    > join g as=A session=10s protocols=range:abc         a request; `as` names who waits for the answer
    A: MEMBER_ID_REQUIRED member=c-1                       every answer that this line brought about
    > tick 3s                                              time passes, timers fire

`replay(text)` runs the commands and gives back the text with the answers that came: a test compares. Commands:

    join GROUP sync GROUP heartbeat GROUP leave GROUP commit GROUP fetch GROUP delete-offsets GROUP TOPIC-PARTITION…
    describe GROUP… list delete GROUP… topics-gone TOPIC-PARTITION… tick TIME log restart loading resign
    hold commit-log time-out-log fail-held CODE refuse CODE|no settings KEY=VALUE… (first line)
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from group_world import START_MS, GroupWorld

from ottla.coordination.results import CoordinatorRecord, Reply
from ottla.groups.records import GroupKey, OffsetKey, parse_key, parse_offset_commit
from ottla.groups.settings import GroupSettings
from ottla.protocol.codec import decode_versioned
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest
from ottla.protocol.messages.group_metadata_record import GroupMetadataValue
from ottla.protocol.messages.heartbeat import HeartbeatRequest
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest, MemberIdentity
from ottla.protocol.messages.list_groups import ListGroupsRequest
from ottla.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from ottla.protocol.messages.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
)
from ottla.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
)
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupRequestAssignment
from ottla.protocol.types import TopicPartition

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def milliseconds(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text).groups()  # type: ignore[union-attr]
    return int(number) * _UNITS_MS[unit]


def replay(text: str) -> str:
    """The transcript with the answers that really came."""
    run = Run()
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            lines.append(line)
        elif line.startswith("> "):
            lines.append(line)
            lines.extend(run.command(line[2:]))
    return "\n".join(lines) + "\n"


class Words:
    """A command's words: those with `=` by name, the others in order."""

    def __init__(self, words: list[str]) -> None:
        self.plain = [word for word in words if not re.match(r"[a-z]+=", word)]
        self.named = dict(word.split("=", 1) for word in words if re.match(r"[a-z]+=", word))

    def text(self, name: str, default: str | None = None) -> Any:
        return self.named.get(name, default)

    def number(self, name: str, default: int) -> int:
        return int(self.named.get(name, default))

    def time_ms(self, name: str, default: str) -> int:
        return milliseconds(self.named.get(name, default))

    def pairs(self, name: str) -> list[tuple[str, bytes]]:
        entries = self.named.get(name, "")
        return [(entry.split(":")[0], entry.split(":")[1].encode()) for entry in entries.split(",") if entry]


def _partition(word: str) -> tuple[str, int]:
    topic, _, partition = word.rpartition("-")
    return topic, int(partition)


class Run:
    """Runs commands on a coordinator in memory."""

    def __init__(self) -> None:
        self.world = GroupWorld()
        self.output: list[str] = []
        self._logged = 0

    def command(self, line: str) -> list[str]:
        self.output = []
        name, *rest = shlex.split(line)
        getattr(self, "_" + name.replace("-", "_"))(Words(rest))
        return self.output

    def _ask(
        self,
        words: Words,
        who: str,
        method: Callable[..., Reply[Any]],
        request: object,
        version: int,
        show: Callable[[Any], str],
    ) -> None:
        waits = self.output
        who = words.text("as", who)
        reply = self.world.call(method, request, version=version, client_id=words.text("client", "c"))
        if not reply.done:
            waits.append(f"{who}: waits")
        reply.on_complete(lambda response: self.output.append(f"{who}: {show(response)}"))

    # Requests.

    def _join(self, words: Words) -> None:
        request = JoinGroupRequest(
            group_id=words.plain[0] if words.plain else "",
            session_timeout_ms=words.time_ms("session", "10s"),
            rebalance_timeout_ms=words.time_ms("rebalance", "60s"),
            member_id=words.text("member", ""),
            group_instance_id=words.text("instance"),
            protocol_type=words.text("type", "consumer"),
            protocols=[
                JoinGroupRequestProtocol(name=name, metadata=_subscription(metadata))
                for name, metadata in words.pairs("protocols")
                or ([] if "protocols" in words.named else [("range", b"")])
            ],
        )
        self._ask(words, "join", self.world.service.join_group, request, words.number("v", 9), _show_join)

    def _sync(self, words: Words) -> None:
        request = SyncGroupRequest(
            group_id=words.plain[0],
            member_id=words.text("member", ""),
            generation_id=words.number("gen", 1),
            group_instance_id=words.text("instance"),
            protocol_type=words.text("type", "consumer"),
            protocol_name=words.text("protocol", "range"),
            assignments=[
                SyncGroupRequestAssignment(member_id=member, assignment=assignment)
                for member, assignment in words.pairs("assign")
            ],
        )
        self._ask(words, "sync", self.world.service.sync_group, request, words.number("v", 5), _show_sync)

    def _heartbeat(self, words: Words) -> None:
        request = HeartbeatRequest(
            group_id=words.plain[0],
            member_id=words.text("member", ""),
            generation_id=words.number("gen", 1),
            group_instance_id=words.text("instance"),
        )
        self._ask(words, "heartbeat", self.world.service.heartbeat, request, 4, _code)

    def _leave(self, words: Words) -> None:
        version = words.number("v", 5)
        if version < 3:
            request = LeaveGroupRequest(group_id=words.plain[0], member_id=words.text("member", ""))
        else:
            members = [
                MemberIdentity(member_id=member, group_instance_id=instance or None)
                for member, _, instance in (word.partition("@") for word in words.plain[1:])
            ]
            request = LeaveGroupRequest(group_id=words.plain[0], members=members)
        self._ask(words, "leave", self.world.service.leave_group, request, version, _show_leave)

    def _commit(self, words: Words) -> None:
        topics: dict[str, list[OffsetCommitRequestPartition]] = {}
        for word in words.plain[1:]:
            where, _, what = word.partition(":")
            offset, _, metadata = what.partition("@")
            topic, partition = _partition(where)
            topics.setdefault(topic, []).append(
                OffsetCommitRequestPartition(
                    partition_index=partition,
                    committed_offset=int(offset),
                    committed_leader_epoch=words.number("epoch", -1),
                    committed_metadata=metadata * words.number("times", 1) or None,
                )
            )
        request = OffsetCommitRequest(
            group_id=words.plain[0],
            generation_id_or_member_epoch=words.number("gen", -1),
            member_id=words.text("member", ""),
            group_instance_id=words.text("instance"),
            retention_time_ms=words.time_ms("retention", "0s") or -1,
            topics=[OffsetCommitRequestTopic(name=name, partitions=parts) for name, parts in topics.items()],
        )
        self._ask(
            words, "commit", self.world.service.offset_commit, request, words.number("v", 9), _show_topics
        )

    def _fetch(self, words: Words) -> None:
        topics: dict[str, list[int]] | None = {} if words.plain[1:] else None
        for word in words.plain[1:]:
            topic, partition = _partition(word)
            assert topics is not None
            topics.setdefault(topic, []).append(partition)
        group = OffsetFetchRequestGroup(
            group_id=words.plain[0],
            topics=None
            if topics is None
            else [
                OffsetFetchRequestTopics(name=name, partition_indexes=parts) for name, parts in topics.items()
            ],
        )
        request = OffsetFetchRequest(groups=[group], require_stable=words.text("stable") == "yes")
        self._ask(words, "fetch", self.world.service.offset_fetch, request, 9, _show_fetch)

    def _delete_offsets(self, words: Words) -> None:
        topics: dict[str, list[OffsetDeleteRequestPartition]] = {}
        for word in words.plain[1:]:
            topic, partition = _partition(word)
            topics.setdefault(topic, []).append(OffsetDeleteRequestPartition(partition_index=partition))
        request = OffsetDeleteRequest(
            group_id=words.plain[0],
            topics=[OffsetDeleteRequestTopic(name=name, partitions=parts) for name, parts in topics.items()],
        )
        self._ask(words, "delete-offsets", self.world.service.offset_delete, request, 0, _show_delete_offsets)

    def _describe(self, words: Words) -> None:
        request = DescribeGroupsRequest(groups=words.plain)
        self._ask(
            words,
            "describe",
            self.world.service.describe_groups,
            request,
            words.number("v", 6),
            _show_described,
        )

    def _list(self, words: Words) -> None:
        request = ListGroupsRequest(
            states_filter=words.text("states", "").split(",") if "states" in words.named else [],
            types_filter=words.text("types", "").split(",") if "types" in words.named else [],
        )
        self._ask(words, "list", self.world.service.list_groups, request, 5, _show_list)

    def _delete(self, words: Words) -> None:
        request = DeleteGroupsRequest(groups_names=words.plain)
        self._ask(words, "delete", self.world.service.delete_groups, request, 2, _show_deleted)

    # The world.

    def _settings(self, words: Words) -> None:
        changes = {
            word.split("=")[0]: int(word.split("=")[1])
            if word.split("=")[1].isdigit()
            else milliseconds(word.split("=")[1])
            for word in words.plain
        }
        self.world = GroupWorld(GroupSettings()._replace(**changes))

    def _tick(self, words: Words) -> None:
        self.world.advance(milliseconds(words.plain[0]))

    def _log(self, words: Words) -> None:
        log = self.world.logs[0]
        self.output.extend(_show_record(record) for record in log[self._logged :])
        self._logged = len(log)

    def _restart(self, words: Words) -> None:
        self.world.restart()

    def _loading(self, words: Words) -> None:
        self.world.start_loading(0)

    def _resign(self, words: Words) -> None:
        self.world.resign()

    def _hold(self, words: Words) -> None:
        self.world.hold = words.plain != ["no"]

    def _commit_log(self, words: Words) -> None:
        self.world.commit_log()

    def _time_out_log(self, words: Words) -> None:
        self.world.time_out_log()

    def _fail_held(self, words: Words) -> None:
        self.world.fail_held(ErrorCode[words.plain[0]])

    def _refuse(self, words: Words) -> None:
        self.world.refuse_with = None if words.plain == ["no"] else ErrorCode[words.plain[0]]

    def _topics_gone(self, words: Words) -> None:
        gone = [TopicPartition(*_partition(word)) for word in words.plain]
        self.world.service.topics_deleted(gone, self.world.now_ms)


def _subscription(topics: bytes) -> bytes:
    """ConsumerProtocolSubscription version 0 of topics `a+b`; `!` gives bytes that are none."""
    if topics == b"!":
        return b"\x00"
    names = [name for name in topics.split(b"+") if name]
    listed = b"".join(len(name).to_bytes(2, "big") + name for name in names)
    return b"\x00\x00" + len(names).to_bytes(4, "big") + listed + b"\xff\xff\xff\xff"


def _code(response: Any) -> str:
    return ErrorCode(response.error_code).name


def _fields(**fields: object) -> str:
    return "".join(f" {name}={value}" for name, value in fields.items() if value not in (None, "", [], False))


def _show_join(response: JoinGroupResponse) -> str:
    if response.error_code != ErrorCode.NONE:
        return _code(response) + _fields(member=response.member_id)
    return "NONE" + _fields(
        member=response.member_id,
        gen=response.generation_id,
        type=response.protocol_type,
        protocol=response.protocol_name,
        leader=response.leader,
        members=",".join(
            member.member_id + (f"@{member.group_instance_id}" if member.group_instance_id else "")
            for member in response.members
        ),
        skip=response.skip_assignment,
    )


def _show_sync(response: Any) -> str:
    return _code(response) + _fields(
        type=response.protocol_type, protocol=response.protocol_name, assignment=response.assignment.decode()
    )


def _show_leave(response: Any) -> str:
    shown = [
        f"{member.member_id}{'@' + member.group_instance_id if member.group_instance_id else ''}:{_code(member)}"
        for member in response.members
    ]
    return " ".join([_code(response), *shown])


def _show_topics(response: Any) -> str:
    return " ".join(
        f"{topic.name}-{partition.partition_index}:{_code(partition)}"
        for topic in response.topics
        for partition in topic.partitions
    )


def _show_delete_offsets(response: Any) -> str:
    return " ".join([_code(response), _show_topics(response)]).strip()


def _show_fetch(response: Any) -> str:
    group = response.groups[0]
    shown = [
        f"{topic.name}-{partition.partition_index}:"
        + (
            f"{partition.committed_offset}{'@' + partition.metadata if partition.metadata else ''}"
            if partition.error_code == ErrorCode.NONE
            else _code(partition)
        )
        for topic in group.topics
        for partition in topic.partitions
    ]
    return " ".join([_code(group), *shown])


def _show_described(response: Any) -> str:
    return "; ".join(
        _code(group)
        + _fields(
            group=group.group_id,
            state=group.group_state,
            type=group.protocol_type,
            protocol=group.protocol_data,
        )
        + "".join(
            f" [{member.member_id}{'@' + member.group_instance_id if member.group_instance_id else ''}"
            f" {member.client_id} {member.client_host} {member.member_assignment.decode()}]"
            for member in group.members
        )
        for group in response.groups
    )


def _show_list(response: Any) -> str:
    shown = [
        f"{group.group_id}({group.protocol_type},{group.group_state},{group.group_type})"
        for group in response.groups
    ]
    return " ".join([_code(response), *shown])


def _show_deleted(response: Any) -> str:
    return " ".join(f"{result.group_id}:{_code(result)}" for result in response.results)


def _show_record(record: CoordinatorRecord) -> str:
    key = parse_key(record.key)
    if isinstance(key, OffsetKey):
        where = f"offset {key.group_id} {key.topic}-{key.partition}"
        if record.value is None:
            return f"{where} tombstone"
        offset = parse_offset_commit(record.key, record.value, 0)
        version = int.from_bytes(record.value[:2], "big")
        expires = (
            "" if offset.expire_timestamp_ms == -1 else f" expires=+{offset.expire_timestamp_ms - START_MS}ms"
        )
        metadata = f"@{offset.metadata}" if offset.metadata else ""
        return f"{where} v{version} {offset.committed_offset}{metadata}{expires}"
    assert isinstance(key, GroupKey)
    if record.value is None:
        return f"group {key.group_id} tombstone"
    value = decode_versioned(GroupMetadataValue, record.value)
    members = ",".join(f"{member.member_id}:{member.assignment.decode()}" for member in value.members)
    return (
        f"group {key.group_id} v{int.from_bytes(record.value[:2], 'big')}"
        + _fields(
            type=value.protocol_type, gen=value.generation, protocol=value.protocol, leader=value.leader
        )
        + _fields(members=members)
    )


def transcripts() -> list[Path]:
    return sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


if __name__ == "__main__":
    # After a change that is meant: write the answers that come now, and read the difference.
    for path in transcripts():
        path.write_text(replay(path.read_text()))
