"""What groups know of the cluster: topics, their ids and partitions, racks, and what is set for single groups.

One `TopicMetadata` a broker, shared by the coordinators of all partitions; the service brings it each new image. A group
notes what its topics looked like as one number, the metadata hash: when it differs from the one of now, the group's
partitions are divided anew. The hash is in the group's record, so it must be Apache's:

    topic   XXH3-64 of: 0x00 │ id's upper, lower 8 bytes │ name │ int32 partitions │ each: int32 number, racks sorted,
                        each int32 length, text.  Integers little-endian; a text is UTF-16-LE, then its int32 length
    group   XXH3-64 of the hashes of its topics that exist, in the order of their names; 0 if there is none

Apache: org.apache.kafka.coordinator.group.Utils#computeTopicHash and #computeGroupHash; SubscribedTopicDescriberImpl.
"""

from collections.abc import Collection, Iterable
from struct import pack

import xxhash

from ottla.cluster.image import EMPTY_IMAGE, ConfigType, MetadataDelta, MetadataImage
from ottla.protocol.types import Uuid

_SIGN = 1 << 63
_MAGIC = b"\0"


class TopicMetadata:
    """The metadata image of now, with what groups derive from it."""

    __slots__ = ("_first_version", "_hashes", "image", "version_with_new_topics")

    def __init__(self, first_version: int = 0) -> None:
        """`first_version`: greater than all that went before, in earlier processes too; the start's time serves."""
        self.image: MetadataImage = EMPTY_IMAGE
        self._first_version = first_version
        self.version_with_new_topics = first_version
        """The version in which topics were last created: what matched a regular expression before may match more now."""
        self._hashes: dict[str, int] = {}
        """Bounded by the topics that exist: one that changes or goes is dropped."""

    @property
    def version(self) -> int:
        """Rises with every image."""
        return self._first_version + self.image.serial

    def advance(self, image: MetadataImage, delta: MetadataDelta) -> frozenset[str]:
        """Take the next image. Answers the topics that were created, changed or deleted."""
        self.image = image
        if delta.created_topics:
            self.version_with_new_topics = self.version
        if delta.changed_brokers:
            self._hashes.clear()  # their racks are in it
        changed = frozenset(
            {
                *delta.changed_partitions,
                *(topic.name for topic in delta.created_topics),
                *(topic.name for topic in delta.deleted_topics),
            }
        )
        for name in changed:
            self._hashes.pop(name, None)
        return changed

    # Topics.

    def topic_ids(self, names: Iterable[str]) -> list[Uuid]:
        """The ids of those that exist, ascending."""
        topics = self.image.topics
        return sorted(topics[name].topic_id for name in names if name in topics)

    def topic_name(self, topic_id: Uuid) -> str | None:
        return self.image.topic_names.get(topic_id)

    def partition_count(self, topic_id: Uuid) -> int:
        """-1: there is no such topic."""
        topic = self.image.topic_by_id(topic_id)
        return -1 if topic is None else len(topic.partitions)

    # Hashes.

    def hash_of(self, topics: Collection[str]) -> int:
        """The metadata hash of a group subscribed to these topics, as a signed 64-bit number."""
        existing = [name for name in topics if name in self.image.topics]
        if not existing:
            return 0
        existing.sort(key=_java_order)
        return _signed(xxhash.xxh3_64_intdigest(b"".join(pack("<q", self._hash(name)) for name in existing)))

    def _hash(self, name: str) -> int:
        known = self._hashes.get(name)
        if known is None:
            known = self._hashes[name] = self._compute_hash(name)
        return known

    def _compute_hash(self, name: str) -> int:
        topic, brokers = self.image.topics[name], self.image.brokers
        upper, lower = topic.topic_id[7::-1], topic.topic_id[:7:-1]
        parts = [_MAGIC, upper, lower, _text(name), pack("<i", len(topic.partitions))]
        for partition, state in topic.partitions.items():
            parts.append(pack("<i", partition))
            registered = (brokers.get(replica) for replica in state.replicas)
            racks = [broker.rack for broker in registered if broker is not None and broker.rack is not None]
            for rack in sorted(racks, key=_java_order):
                parts += (pack("<i", len(rack.encode("utf-16-le", "surrogatepass")) // 2), _text(rack))
        return _signed(xxhash.xxh3_64_intdigest(b"".join(parts)))

    # What is set for single groups.

    def group_setting(self, group_id: str, name: str, default: int) -> int:
        """The number set for this group (resource type GROUP), or the broker's."""
        value = self.image.config(ConfigType.GROUP, group_id).get(name)
        return default if value is None else int(value)


def _java_order(text: str) -> bytes:
    """Java compares strings by UTF-16 code unit."""
    return text.encode("utf-16-be", "surrogatepass")


def _text(text: str) -> bytes:
    units = text.encode("utf-16-le", "surrogatepass")
    return units + pack("<i", len(units) // 2)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= _SIGN else value
