"""Members of streams groups, driven by hand over a raw connection, and what their brokers have to be told."""

from wire_client import WireClient

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.streams_group_heartbeat import (
    Endpoint,
    KeyValue,
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
    Subtopology,
    TaskIds,
    TopicInfo,
    Topology,
)

SETTINGS = {
    "unstable.api.versions.enable": "true",
    "unstable.feature.versions.enable": "true",
    "group.streams.heartbeat.interval.ms": "1000",
    "group.streams.min.heartbeat.interval.ms": "100",
    "group.streams.min.session.timeout.ms": "1000",
    # One coordinator, so that a probe tells what all groups know.
    "offsets.topic.num.partitions": "1",
}


class Member:
    """One member of a streams group, driven by hand."""

    def __init__(
        self,
        wire: WireClient,
        group: str,
        member_id: str,
        topology: Topology,
        *,
        process_id: str | None = None,
        port: int | None = None,
    ) -> None:
        self.wire, self.group, self.member_id, self.topology = wire, group, member_id, topology
        self.process_id = process_id or f"process-of-{member_id}"
        self.endpoint = None if port is None else Endpoint(host="localhost", port=port)
        self.epoch = 0
        self.endpoint_epoch = -1
        self.active: list[TaskIds] = []
        self.standby: list[TaskIds] = []
        self.warmup: list[TaskIds] = []

    def join_request(self) -> StreamsGroupHeartbeatRequest:
        return StreamsGroupHeartbeatRequest(
            group_id=self.group,
            member_id=self.member_id,
            member_epoch=0,
            endpoint_information_epoch=self.endpoint_epoch,
            rebalance_timeout_ms=30_000,
            topology=self.topology,
            process_id=self.process_id,
            user_endpoint=self.endpoint,
            client_tags=[],
            active_tasks=[],
            standby_tasks=[],
            warmup_tasks=[],
        )

    def request(self, *, tells_tasks: bool = True) -> StreamsGroupHeartbeatRequest:
        return StreamsGroupHeartbeatRequest(
            group_id=self.group,
            member_id=self.member_id,
            member_epoch=self.epoch,
            endpoint_information_epoch=self.endpoint_epoch,
            active_tasks=self.active if tells_tasks else None,
            standby_tasks=self.standby if tells_tasks else None,
            warmup_tasks=self.warmup if tells_tasks else None,
        )

    def send(self, request: StreamsGroupHeartbeatRequest) -> StreamsGroupHeartbeatResponse:
        response = self.wire.ask(request, StreamsGroupHeartbeatResponse, 0)
        if response.error_code == ErrorCode.NONE:
            self.epoch = response.member_epoch
            self.endpoint_epoch = response.endpoint_information_epoch
            if response.active_tasks is not None:
                assert response.standby_tasks is not None and response.warmup_tasks is not None
                self.active, self.standby = response.active_tasks, response.standby_tasks
                self.warmup = response.warmup_tasks
        return response

    def join(self) -> StreamsGroupHeartbeatResponse:
        return self.send(self.join_request())

    def beat(self) -> StreamsGroupHeartbeatResponse:
        return self.send(self.request())

    def leave(self, *, shutdown: bool = False) -> StreamsGroupHeartbeatResponse:
        request = StreamsGroupHeartbeatRequest(
            group_id=self.group, member_id=self.member_id, member_epoch=-1, shutdown_application=shutdown
        )
        return self.wire.ask(request, StreamsGroupHeartbeatResponse, 0)

    def tasks(self) -> dict[str, list[int]]:
        """Active ones, by subtopology."""
        return {each.subtopology_id: sorted(each.partitions) for each in self.active}

    def standby_tasks(self) -> dict[str, list[int]]:
        return {each.subtopology_id: sorted(each.partitions) for each in self.standby}


def reading(*topics: str, epoch: int = 0) -> Topology:
    """A topology of one subtopology without state."""
    return Topology(epoch=epoch, subtopologies=[Subtopology(subtopology_id="0", source_topics=list(topics))])


def counting(topic: str, group: str) -> Topology:
    """A word count: the words are repartitioned, the counts kept in a store."""
    words, counts = f"{group}-words-repartition", f"{group}-counts-changelog"
    return Topology(
        subtopologies=[
            Subtopology(subtopology_id="0", source_topics=[topic], repartition_sink_topics=[words]),
            Subtopology(
                subtopology_id="1",
                repartition_source_topics=[
                    TopicInfo(name=words, topic_configs=[KeyValue(key="cleanup.policy", value="delete")])
                ],
                state_changelog_topics=[
                    TopicInfo(name=counts, topic_configs=[KeyValue(key="cleanup.policy", value="compact")])
                ],
            ),
        ]
    )


def make(wire: WireClient, topic: str, partitions: int = 1) -> None:
    """Create a topic, and wait until the coordinator has heard of it: Apache's hears a little later than its clients."""
    wire.create_topic(topic, partitions=partitions)
    wire.find_coordinator(topic)
    probe = Member(wire, f"probe-{topic}", "probe", reading(topic))
    until(probe.join, lambda seen: seen.error_code == ErrorCode.NONE)
    until(probe.beat, lambda seen: seen.status is None)
    probe.leave()


def write_anything(wire: WireClient) -> None:
    """Make the coordinator write: Apache's shows what is in no record, such as whether a topology fits, only behind the
    next record that is committed."""
    probe = Member(wire, "probe-that-writes", "probe", reading("no-topic"))
    probe.join()
    probe.leave()
