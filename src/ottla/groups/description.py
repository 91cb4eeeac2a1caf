"""What DescribeGroups tells of a classic group. Members' metadata is shown only of a stable one.

Apache: GroupMetadataManager#describeGroups.
"""

from ottla.groups.classic_group import ClassicGroup
from ottla.groups.states import ClassicGroupState
from ottla.protocol.errors import KafkaError
from ottla.protocol.messages.describe_groups import DescribedGroup, DescribedGroupMember

_GROUP_ID_NOT_FOUND_VERSION = 6


def described_group(group: ClassicGroup) -> DescribedGroup:
    protocol_name = group.protocol_name if group.state is ClassicGroupState.STABLE else None
    return DescribedGroup(
        group_id=group.group_id,
        group_state=group.state.value,
        protocol_type=group.protocol_type or "",
        protocol_data=protocol_name or "",
        members=[
            DescribedGroupMember(
                member_id=member.member_id,
                group_instance_id=member.group_instance_id,
                client_id=member.client_id,
                client_host=member.client_host,
                member_metadata=b"" if protocol_name is None else member.metadata(protocol_name),
                member_assignment=member.assignment,
            )
            for member in group.members.values()
        ],
    )


def unknown_group(group_id: str, api_version: int, error: KafkaError) -> DescribedGroup:
    """Older clients take an unknown group for a dead one, without an error (KIP-1043)."""
    if api_version < _GROUP_ID_NOT_FOUND_VERSION:
        return DescribedGroup(group_id=group_id, group_state=ClassicGroupState.DEAD.value)
    return DescribedGroup(
        group_id=group_id,
        group_state=ClassicGroupState.DEAD.value,
        error_code=error.code,
        error_message=error.message,
    )
