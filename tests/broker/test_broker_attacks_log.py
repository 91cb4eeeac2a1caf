"""Names that clients make up can't write lines into the broker's log, nor control the terminal that shows it."""

import io
import json
import logging
import re

import pytest

from conditions import until
from ottla.broker.logging import JsonFormatter, TextFormatter, printable
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.messages.join_group import (
    JoinGroupRequest,
    JoinGroupRequestProtocol,
    JoinGroupResponse,
)
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity
from ottla.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.messages.share_group_heartbeat import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
)

EVIL = "x\n2026-01-01 00:00:00,000 INFO  ottla.broker.server [KafkaServer id=9] started\r\x1b[2J\x9b2J\u2028y\u202ez"
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ +[\w.-]+ .*")
NOT_YET = (
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
)
FORMATTERS = {"text": TextFormatter(), "json": JsonFormatter()}


class Log(logging.StreamHandler):
    """Every line of the process, as the command would write it."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__(io.StringIO())
        self.setFormatter(formatter)
        self.records = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record.getMessage())
        super().emit(record)


@pytest.fixture(params=FORMATTERS)
def log(request):
    """All that is logged, at the level of most lines."""
    handler, root = Log(FORMATTERS[request.param]), logging.getLogger("ottla")
    audit = logging.getLogger("kafka.authorizer.logger")
    before = [(each, each.level) for each in (root, audit)]
    for each, _level in before:
        each.addHandler(handler)
        each.setLevel(logging.DEBUG)
    yield handler
    for each, level in before:
        each.removeHandler(handler)
        each.setLevel(level)


def names_of_each_kind(client):
    """Groups, members, instances, topics, software and transactional ids, all with the evil name."""
    client.ask(
        ApiVersionsRequest(client_software_name=EVIL, client_software_version=EVIL), ApiVersionsResponse, 3
    )
    topic = MetadataRequestTopic(name=EVIL)
    client.ask(MetadataRequest(topics=[topic], allow_auto_topic_creation=True), MetadataResponse, 9)
    client.ask(FindCoordinatorRequest(key_type=0, coordinator_keys=[EVIL]), FindCoordinatorResponse, 4)
    client.ask(InitProducerIdRequest(transactional_id=EVIL), InitProducerIdResponse, 4)
    join = JoinGroupRequest(
        group_id=EVIL,
        session_timeout_ms=10_000,
        rebalance_timeout_ms=10_000,
        group_instance_id=EVIL,
        protocol_type="consumer",
        protocols=[JoinGroupRequestProtocol(name=EVIL, metadata=b"\0")],
    )
    for _ in range(2):  # the second one fences the first
        joined = until(
            lambda: client.ask(join, JoinGroupResponse, 9), lambda answer: answer.error_code not in NOT_YET
        )
    members = [MemberIdentity(member_id=joined.member_id, group_instance_id=EVIL, reason=EVIL)]
    client.ask(LeaveGroupRequest(group_id=EVIL, members=members), LeaveGroupResponse, 5)
    heartbeat = {
        "group_id": f"{EVIL} 2",
        "member_id": EVIL,
        "member_epoch": 0,
        "subscribed_topic_names": ["t"],
    }
    client.ask(
        ConsumerGroupHeartbeatRequest(**heartbeat, rebalance_timeout_ms=10_000, topic_partitions=[]),
        ConsumerGroupHeartbeatResponse,
        1,
    )
    client.ask(
        ShareGroupHeartbeatRequest(**{**heartbeat, "group_id": f"{EVIL} 3"}), ShareGroupHeartbeatResponse, 1
    )


@pytest.mark.parametrize("is_allowed", [True, False])
def test_every_line_of_the_log_is_the_brokers_own(start_broker, connect, log, is_allowed):
    """With and without rights, so that the audit log has them all too."""
    users = {"super.users": "User:ANONYMOUS"} if is_allowed else {}
    broker = start_broker(
        {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "offsets.topic.num.partitions": "1",
            **users,
        }
    )
    client = connect(broker, client_id=EVIL)
    names_of_each_kind(client)
    client.send(ApiVersionsRequest(), 0)
    client.socket.close()
    broker.stop()
    lines = log.stream.getvalue().removesuffix("\n").split("\n")
    assert any("KafkaServer id=9" in each for each in log.records), "the name stands in no line"
    assert len(lines) == len(log.records)
    for line in lines:
        assert line.isprintable()
        if isinstance(log.formatter, TextFormatter):
            assert LINE.fullmatch(line)
        else:
            json.loads(line)


def test_errors_have_no_lines_that_look_like_the_logs():
    """A traceback stands below its line, indented, whatever the error's text."""
    failure = (ValueError, ValueError(EVIL), None)
    record = logging.LogRecord("ottla", logging.ERROR, "f", 1, "oops", (), failure)
    first, *rest = TextFormatter().format(record).split("\n")
    assert LINE.fullmatch(first)
    assert rest
    assert all(each.startswith("    ") and each.isprintable() for each in rest)


def test_what_is_printable_stays_as_it_is():
    """Names in any language."""
    for text in ("plain", "größer", "日本語", "emoji 🚀"):
        assert printable(text) == text
    assert printable("a\tb\0") == r"a\tb\x00"
