"""Registrations and routes: every API in every version can say that it failed."""

import struct

import pytest

from ottla.broker.handlers.registered import all_registrations
from ottla.broker.routes import Routes
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.codec import encode
from ottla.protocol.errors import ErrorCode, ProtocolError
from ottla.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic

ROUTES = Routes(all_registrations())

PARTS_ONLY = {
    ApiKey.ADD_PARTITIONS_TO_TXN,
    ApiKey.ALTER_REPLICA_LOG_DIRS,
    ApiKey.DELETE_RECORDS,
    ApiKey.DESCRIBE_LOG_DIRS,
    ApiKey.DESCRIBE_PRODUCERS,
    ApiKey.DESCRIBE_TRANSACTIONS,
    ApiKey.OFFSET_COMMIT,
    ApiKey.OFFSET_FETCH,
    ApiKey.OFFSET_FOR_LEADER_EPOCH,
    ApiKey.TXN_OFFSET_COMMIT,
    ApiKey.WRITE_TXN_MARKERS,
    ApiKey.ELECT_LEADERS,
    ApiKey.CREATE_ACLS,
    ApiKey.DELETE_ACLS,
}
"""APIs whose answers have, in some version, errors in their parts only; their handlers answer every error there."""

ASKED = {
    ApiKey.FIND_COORDINATOR: lambda version: {"coordinator_keys": ["g"]} if version >= 4 else {"key": "g"},
}
"""What a request has to hold in some version to be one."""


@pytest.mark.parametrize(
    "route", ROUTES.by_number.values(), ids=lambda route: f"{route.name}-{route.api_version}"
)
def test_an_error_of_the_whole_request_can_be_answered(route):
    """With a frame that says it, in the fields that the version has."""
    request = route.request_class(**ASKED.get(route.api_key, lambda _: {})(route.api_version))
    answer = route.error_answer(request, ErrorCode.COORDINATOR_NOT_AVAILABLE, "not now")
    if answer is None:
        assert route.api_key in PARTS_ONLY, route.name
        return
    frame = bytes(route.encode(answer, 4711))
    size, correlation_id = struct.unpack_from(">ii", frame)
    assert (size, correlation_id) == (len(frame) - 4, 4711)


def test_tagged_fields_of_the_header_are_skipped():
    """Clients may send some that this broker doesn't know."""
    route = ROUTES.by_number[(ApiKey.METADATA << 16) | 9]
    body = encode(MetadataRequest(topics=[MetadataRequestTopic(name="t")]), 9)
    for tagged in (b"\0", b"\1\5\3abc", b"\2\0\0\x81\1\1x"):
        assert route.decode(memoryview(tagged + body)).topics[0].name == "t"
    for broken in (b"\1\5\x7fabc", b"\xff\xff\xff\xff\xff\xff", b"\1", b""):
        with pytest.raises(ProtocolError):
            route.decode(memoryview(broken))
