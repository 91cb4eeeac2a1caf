"""StreamsGroupTopology: the topology of a streams group, as a coordinator records it."""

from ottla.protocol.declare import INT16, INT32, STRING, RecordKey, RecordValue, Struct, array, field


class StreamsGroupTopologyKey(RecordKey, record_type=23, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    """The group's id."""


class TopicConfig(Struct):
    """Shared by several fields of `StreamsGroupTopologyValue`."""

    key: str = field(STRING, "0+", default="")
    """What is asked for."""
    value: str = field(STRING, "0+", default="")
    """Its value."""


class TopicInfo(Struct):
    """Shared by several fields of `StreamsGroupTopologyValue`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: int = field(INT32, "0+", default=0)
    """Partition by partition."""
    replication_factor: int = field(INT16, "0+", default=0)
    """How many replicas each partition has, or is to have."""
    topic_configs: list[TopicConfig] = field(array(TopicConfig), "0+", factory=list)
    """Settings of the topic."""


class CopartitionGroup(Struct):
    """`copartition_groups` of `StreamsGroupTopologyValue`."""

    source_topics: list[int] = field(array(INT16), "0+", factory=list)
    """The topics it reads."""
    source_topic_regex: list[int] = field(array(INT16), "0+", factory=list)
    """Patterns of the topics it reads."""
    repartition_source_topics: list[int] = field(array(INT16), "0+", factory=list)
    """The repartition topics it reads."""


class Subtopology(Struct):
    """`subtopologies` of `StreamsGroupTopologyValue`."""

    subtopology_id: str = field(STRING, "0+", default="")
    """The subtopology's id."""
    source_topics: list[str] = field(array(STRING), "0+", factory=list)
    """The topics it reads."""
    source_topic_regex: list[str] = field(array(STRING), "0+", factory=list)
    """Patterns of the topics it reads."""
    state_changelog_topics: list[TopicInfo] = field(array(TopicInfo), "0+", factory=list)
    """The changelog topics of its stores."""
    repartition_sink_topics: list[str] = field(array(STRING), "0+", factory=list)
    """The repartition topics it writes."""
    repartition_source_topics: list[TopicInfo] = field(array(TopicInfo), "0+", factory=list)
    """The repartition topics it reads."""
    copartition_groups: list[CopartitionGroup] = field(array(CopartitionGroup), "0+", factory=list)
    """Topics whose partitions belong together."""


class StreamsGroupTopologyValue(RecordValue, record_type=23, versions="0", flexible="0+"):
    """The topology of a streams group. No value (a tombstone) means that it is gone."""

    epoch: int = field(INT32, "0+", default=0)
    """The epoch."""
    subtopologies: list[Subtopology] = field(array(Subtopology), "0+", factory=list)
    """The parts of the topology."""
