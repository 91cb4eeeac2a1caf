"""The group coordinator's transcripts over the wire: what they tell in memory is true of a broker, and of Apache's.

Run with --broker=apache they say whether the transcripts, and so our coordinator, are right about Kafka.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from group_wire import WireTranscript

from brokers import ApacheBroker, Broker, OttlaBroker
from ottla.client.brokers import Brokers
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchResponse,
)

TRANSCRIPTS = Path(__file__).parent.parent / "groups" / "transcripts"
PLAYED = [
    "commits_without_members",
    "cooperative",
    "group_deletion",
    "leaving",
    "metadata_change",
    "offset_deletion",
    "protocols",
    "rejoining",
    "static_members",
]


@pytest.fixture(scope="module")
def patient_broker(
    broker_kind: str, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Broker]:
    """A broker that waits for more members long enough for all clients of a transcript to join."""
    if ":" in broker_kind:
        yield broker
        return
    directory = tmp_path_factory.mktemp("patient")
    kind = {"ottla": OttlaBroker, "apache": ApacheBroker}[broker_kind]
    with kind(directory, {"group.initial.rebalance.delay.ms": "700"}) as patient:
        admin = AdminClient({"bootstrap.servers": patient.bootstrap_servers})
        for made in admin.create_topics([NewTopic(name, num_partitions=4) for name in "tuvw"]).values():
            made.result(30)
        asyncio.run(coordinators_ready(patient))
        yield patient


async def coordinators_ready(broker: Broker) -> None:
    """Asking for a coordinator makes the brokers create `__consumer_offsets`; until it leads, none is told."""
    async with Brokers(broker.bootstrap_servers) as brokers, asyncio.timeout(30):
        request = OffsetFetchRequest(groups=[OffsetFetchRequestGroup(group_id="g", topics=[])])
        while True:
            try:
                answer = await brokers.send_to_coordinator("g", request, OffsetFetchResponse)
            except KafkaError:
                continue
            if answer.groups[0].error_code == ErrorCode.NONE:
                return


@pytest.mark.parametrize("name", PLAYED)
def test_transcript_over_the_wire(
    name: str, patient_broker: Broker, unique_name: Callable[[str], str]
) -> None:
    """Every answer is the one that the transcript tells."""
    transcript = WireTranscript(patient_broker.host, patient_broker.port, "~" + unique_name(name))
    asyncio.run(transcript.play((TRANSCRIPTS / f"{name}.txt").read_text()))
