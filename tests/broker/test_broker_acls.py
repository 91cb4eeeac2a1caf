"""A broker's authorizer: in step with the rules it keeps, from its first request on."""

import logging
import threading

from ottla.broker.loggers import levels_by_logger
from ottla.broker.routes import Route
from ottla.metrics.page import page
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.create_acls import AclCreation, CreateAclsRequest, CreateAclsResponse
from ottla.protocol.messages.delete_acls import DeleteAclsFilter, DeleteAclsRequest, DeleteAclsResponse
from ottla.protocol.messages.describe_acls import DescribeAclsRequest, DescribeAclsResponse
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.security.acl import AclOperation, ResourceType
from ottla.security.principal import KafkaPrincipal
from ottla.storage.disk import PosixDisk

AUTHORIZER = {
    "authorizer.class.name": "kafka.security.authorizer.AclAuthorizer",
    "super.users": "User:ANONYMOUS",
}
ALICE = KafkaPrincipal("User", "alice")
ANY = 1


def creation(name, principal="User:alice", pattern_type=3):
    return AclCreation(
        resource_type=ResourceType.TOPIC,
        resource_name=name,
        resource_pattern_type=pattern_type,
        principal=principal,
        host="*",
        operation=AclOperation.READ,
        permission_type=3,
    )


def create(client, *creations):
    return client.ask(CreateAclsRequest(creations=list(creations)), CreateAclsResponse, 3).results


def everything(kind):
    fields = {
        "resource_type_filter": ANY,
        "resource_name_filter": None,
        "pattern_type_filter": ANY,
        "principal_filter": None,
        "host_filter": None,
        "operation": ANY,
        "permission_type": ANY,
    }
    return kind(**fields)


def may_read(broker, topic):
    return broker.call(
        lambda server: server.authorizer.authorize(
            ALICE, "192.0.2.1", AclOperation.READ, ResourceType.TOPIC, topic
        )
    )


def test_without_an_authorizer_there_is_none(broker):
    """And the broker's handlers ask nobody."""
    assert broker.call(lambda server: server.authorizer) is None


def test_a_rule_holds_when_its_answer_comes(start_broker, connect):
    """What was decided before is forgotten, when it is made as when it is taken away."""
    broker = start_broker(AUTHORIZER)
    client = connect(broker)
    for _ in range(3):
        assert not may_read(broker, "orders-eu")
        version = broker.call(lambda server: server.authorizer.version)
        assert create(client, creation("orders-", pattern_type=4))[0].error_code == ErrorCode.NONE
        assert may_read(broker, "orders-eu")
        assert broker.call(lambda server: server.authorizer.version) > version
        request = DeleteAclsRequest(filters=[everything(DeleteAclsFilter)])
        [result] = client.ask(request, DeleteAclsResponse, 3).filter_results
        assert len(result.matching_acls) == 1


def test_rules_hold_from_the_first_request_on(start_broker, connect, tmp_path):
    """A broker that starts on a tree with rules knows them before it listens."""
    settings = {**AUTHORIZER, "log.dirs": str(tmp_path / "kept")}
    broker = start_broker(settings, disk=PosixDisk())
    with connect(broker) as client:
        create(client, creation("orders"), creation("a/b"))
    broker.stop()
    broker = start_broker(settings, disk=PosixDisk())
    assert may_read(broker, "orders")
    assert may_read(broker, "a/b")
    assert not may_read(broker, "a")


def test_thousands_of_rules_are_described_whole(start_broker, connect):
    """Searched and encoded beside the loop, and each is there once."""
    broker = start_broker(AUTHORIZER)
    client = connect(broker)
    names = {f"topic-{number}" for number in range(3_000)}
    assert {each.error_code for each in create(client, *map(creation, names))} == {ErrorCode.NONE}
    request = everything(DescribeAclsRequest)
    for version in (1, 3):
        answer = client.ask(request, DescribeAclsResponse, version)
        assert sorted(each.resource_name for each in answer.resources) == sorted(names)
        assert {len(each.acls) for each in answer.resources} == {1}


def test_thousands_of_rules_are_read_beside_the_loop(start_broker, connect, monkeypatch):
    """A request that brings them, or takes them away, is decoded on a thread; a small one is not. Answers are the same."""
    decoding: dict[str, list[str]] = {}
    decode = Route.decode

    def noted(route, body):
        decoding.setdefault(route.name, []).append(threading.current_thread().name)
        return decode(route, body)

    monkeypatch.setattr(Route, "decode", noted)
    broker = start_broker(AUTHORIZER)
    client = connect(broker)
    creations = [creation(f"a-topic-with-a-long-name-{number}") for number in range(1_000)]
    assert {each.error_code for each in create(client, *creations)} == {ErrorCode.NONE}
    bad = [*creations, creation("x", principal="nobody")]
    assert [each.error_code for each in create(client, *bad)] == [0] * 1_000 + [ErrorCode.INVALID_REQUEST]
    assert [each.error_code for each in create(client, creation("one"))] == [ErrorCode.NONE]
    filters = [
        DeleteAclsFilter(
            resource_type_filter=ANY,
            resource_name_filter=f"a-topic-with-a-long-name-{number}",
            pattern_type_filter=ANY,
            principal_filter=None,
            host_filter=None,
            operation=ANY,
            permission_type=ANY,
        )
        for number in range(1_000)
    ]
    results = client.ask(DeleteAclsRequest(filters=filters), DeleteAclsResponse, 3).filter_results
    assert [each.matching_acls[0].resource_name for each in results] == [
        f"a-topic-with-a-long-name-{n}" for n in range(1_000)
    ]
    assert broker.call(lambda server: server.authorizer.rules) == 1
    assert decoding["CreateAcls"][:2] == decoding["DeleteAcls"] * 2
    assert decoding["DeleteAcls"][0].startswith("ottla-io")
    assert decoding["CreateAcls"][2] == "test-broker"


def test_a_large_request_that_can_t_be_read_closes_the_connection(start_broker, connect):
    """As a small one does; the broker serves others."""
    broker = start_broker(AUTHORIZER)
    client = connect(broker)
    frame = client.frame(
        CreateAclsRequest(
            creations=[creation(f"a-topic-with-a-long-name-{number}") for number in range(1_000)]
        ),
        3,
    )
    cut = frame[4:-100]
    client.socket.sendall(len(cut).to_bytes(4) + cut)
    assert client.is_closed()
    assert len(create(connect(broker), creation("one"))) == 1


def test_a_refusal_is_written_down(start_broker, connect, caplog):
    """With names quoted that a client made up; who only looks around is not."""
    broker = start_broker({**AUTHORIZER, "super.users": "User:root"})
    client = connect(broker)
    name = "x\nPrincipal = User:root is Allowed"
    with caplog.at_level(logging.INFO, "kafka.authorizer.logger"):
        answer = client.ask(
            FindCoordinatorRequest(key_type=0, coordinator_keys=[name]), FindCoordinatorResponse, 4
        )
    assert answer.coordinators[0].error_code == ErrorCode.GROUP_AUTHORIZATION_FAILED
    [message] = [each.getMessage() for each in caplog.records if each.name == "kafka.authorizer.logger"]
    assert message.startswith(
        "Principal = User:ANONYMOUS is Denied operation = DESCRIBE from host = 127.0.0.1"
    )
    assert r"Group:LITERAL:'x\nPrincipal = User:root is Allowed' for request = FindCoordinator" in message
    assert "\n" not in message
    assert broker.call(lambda server: server.authorizer.refusals) == 1
    shown = broker.call(lambda server: b"".join(page(server.metrics)).decode())
    assert "ottla_access_refusals_total 1\n" in shown
    assert "ottla_access_rules 0\n" in shown


def test_the_audit_log_s_level_can_be_set():
    """It is among the loggers whose levels clients may see and set (KIP-412)."""
    logging.getLogger("kafka.authorizer.logger")
    assert "kafka.authorizer.logger" in levels_by_logger()
