"""The target assignment of a streams group: made anew when the group epoch passed it, written as far as it changed.

Apache: org.apache.kafka.coordinator.group.streams.TargetAssignmentBuilder.
"""

from collections.abc import Mapping
from typing import NamedTuple

from ottla.coordination.results import CoordinatorRecord
from ottla.groups.java_hash_order import string_hash_order
from ottla.groups.streams_assignor import AssignedMember, AssignedSubtopology, StickyTaskAssignor
from ottla.groups.streams_configuration import ConfiguredTopology
from ottla.groups.streams_group import StreamsGroup
from ottla.groups.streams_member import StreamsMember
from ottla.groups.streams_records import target_assignment_record, target_epoch_record
from ottla.groups.streams_tasks import NO_TASKS, TasksTuple


class TargetAssignment(NamedTuple):
    """A new target assignment, and the records that make it the group's."""

    records: list[CoordinatorRecord]
    tasks: Mapping[str, TasksTuple]
    """By member."""


def new_target_assignment(
    group: StreamsGroup,
    group_epoch: int,
    updated: StreamsMember,
    configured: ConfiguredTopology,
    num_standby_replicas: int,
) -> TargetAssignment:
    """For the group's members with `updated` among them. Nobody has any tasks while the topology is not ready."""
    members = {**group.members, updated.member_id: updated}
    if configured.is_ready and configured.subtopologies is not None:
        tasks = _assign(group, members, configured, num_standby_replicas)
    else:
        tasks = dict.fromkeys(members, NO_TASKS)
    records = [
        target_assignment_record(group.group_id, member_id, tasks[member_id])
        for member_id in string_hash_order(members)
        if group.target_assignment.get(member_id) != tasks[member_id]
    ]
    records.append(target_epoch_record(group.group_id, group_epoch))
    return TargetAssignment(records, tasks)


def _assign(
    group: StreamsGroup,
    members: Mapping[str, StreamsMember],
    configured: ConfiguredTopology,
    num_standby_replicas: int,
) -> Mapping[str, TasksTuple]:
    assigned = {}
    for member_id, member in members.items():
        target = group.target_of(member_id)
        assigned[member_id] = AssignedMember(member.process_id, target.active, target.standby)
    subtopologies = {
        subtopology_id: AssignedSubtopology(each.number_of_tasks, bool(each.state_changelog_topics))
        for subtopology_id, each in (configured.subtopologies or {}).items()
    }
    return StickyTaskAssignor(assigned, subtopologies).assign(num_standby_replicas)
