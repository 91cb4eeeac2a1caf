"""The assignor `range`: each topic is cut into as many pieces as it has subscribers, in the order of their ids.

Topics with as many partitions and the same subscribers are cut alike, so that who reads partition 3 of one reads partition
3 of the other too. Earlier members get one more where it doesn't divide. Static members come first, by instance id.

Apache: org.apache.kafka.coordinator.group.assignor.RangeAssignor.
"""

from collections import Counter
from collections.abc import Mapping

from ottla.groups.modern_group import Assignment
from ottla.groups.target_assignment import AssignorError, GroupSpec, PartitionCount
from ottla.protocol.types import Uuid


class _Topic:
    """A topic, and how much of it is handed out."""

    __slots__ = ("extra", "next", "partitions", "quota")

    def __init__(self, partitions: int, subscribers: int) -> None:
        self.partitions = partitions
        self.quota, self.extra = divmod(partitions, subscribers)
        self.next = 0

    def take(self) -> frozenset[int]:
        """The next subscriber's piece."""
        end = self.next + self.quota + (self.extra > 0)
        self.extra = max(self.extra - 1, 0)
        piece = frozenset(range(self.next, end))
        self.next = end
        return piece


class RangeAssignor:
    """Has no regard for who had what before."""

    name = "range"

    def assign(self, group: GroupSpec, partition_count: PartitionCount) -> Mapping[str, Assignment]:
        topic_ids = {member_id: group.topic_ids_of(member_id) for member_id in group.member_ids}
        subscribers = Counter(topic_id for mine in topic_ids.values() for topic_id in mine)
        topics: dict[Uuid, _Topic] = {}
        for topic_id, count in subscribers.items():
            partitions = partition_count(topic_id)
            if partitions == -1:
                raise AssignorError("Member is subscribed to a non-existent topic")
            topics[topic_id] = _Topic(partitions, count)
        assignments: dict[str, Assignment] = {}
        for member_id in sorted(
            group.member_ids, key=lambda member_id: _position(member_id, group.instance_id_of(member_id))
        ):
            pieces = {topic_id: topics[topic_id].take() for topic_id in topic_ids[member_id]}
            assignments[member_id] = {topic_id: piece for topic_id, piece in pieces.items() if piece}
        return assignments


def _position(member_id: str, instance_id: str | None) -> tuple[bool, bytes]:
    """Static members first; texts as Java compares them, by UTF-16 code unit."""
    text = member_id if instance_id is None else instance_id
    return instance_id is None, text.encode("utf-16-be", "surrogatepass")
