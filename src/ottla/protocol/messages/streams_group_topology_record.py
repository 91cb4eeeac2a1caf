"""StreamsGroupTopology: the topology of a streams group, as a coordinator records it."""

from ottla.protocol.declare import INT16, INT32, STRING, RecordKey, RecordValue, Struct, array, field


class StreamsGroupTopologyKey(RecordKey, record_type=23, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")


class TopicConfig(Struct):
    """Shared by several fields of `StreamsGroupTopologyValue`."""

    key: str = field(STRING, "0+", default="")
    value: str = field(STRING, "0+", default="")


class TopicInfo(Struct):
    """Shared by several fields of `StreamsGroupTopologyValue`."""

    name: str = field(STRING, "0+", default="")
    partitions: int = field(INT32, "0+", default=0)
    replication_factor: int = field(INT16, "0+", default=0)
    topic_configs: list[TopicConfig] = field(array(TopicConfig), "0+", factory=list)


class CopartitionGroup(Struct):
    """`copartition_groups` of `StreamsGroupTopologyValue`."""

    source_topics: list[int] = field(array(INT16), "0+", factory=list)
    source_topic_regex: list[int] = field(array(INT16), "0+", factory=list)
    repartition_source_topics: list[int] = field(array(INT16), "0+", factory=list)


class Subtopology(Struct):
    """`subtopologies` of `StreamsGroupTopologyValue`."""

    subtopology_id: str = field(STRING, "0+", default="")
    source_topics: list[str] = field(array(STRING), "0+", factory=list)
    source_topic_regex: list[str] = field(array(STRING), "0+", factory=list)
    state_changelog_topics: list[TopicInfo] = field(array(TopicInfo), "0+", factory=list)
    repartition_sink_topics: list[str] = field(array(STRING), "0+", factory=list)
    repartition_source_topics: list[TopicInfo] = field(array(TopicInfo), "0+", factory=list)
    copartition_groups: list[CopartitionGroup] = field(array(CopartitionGroup), "0+", factory=list)


class StreamsGroupTopologyValue(RecordValue, record_type=23, versions="0", flexible="0+"):
    """The topology of a streams group. No value (a tombstone) means that it is gone."""

    epoch: int = field(INT32, "0+", default=0)
    subtopologies: list[Subtopology] = field(array(Subtopology), "0+", factory=list)
