"""Listeners with SASL in this process: limits on who has not logged in, what the log says, settings that can't be."""

import contextlib
import logging
import socket
import struct
import threading
import time

import pytest

from conditions import until
from ottla.broker import login, sasl_mechanisms
from ottla.config.checks import InvalidConfigurationError
from ottla.protocol.errors import ErrorCode
from ottla.protocol.framing import encode_request
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from ottla.protocol.messages.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from ottla.records.record import Record, build_batch
from ottla.security.mechanisms import (
    Authenticated,
    AuthenticationFailed,
    Challenge,
    ConnectionFacts,
    InThread,
    Outcome,
)
from ottla.security.principal import KafkaPrincipal
from sasl_client import SaslClient, ScramConversation, plain_token, set_scram_password
from wire.wire_client import WireClient

JAAS = "listener.name.inside.plain.sasl.jaas.config"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SETTINGS = {
    "listeners": "PLAINTEXT://127.0.0.1:0,INSIDE://127.0.0.1:0",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,INSIDE:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
    JAAS: f'{PLAIN} required user_alice="hunter2";',
    "connection.failed.authentication.delay.ms": "10",
}


@pytest.fixture
def sasl(start_broker):
    """Start a broker with these settings over those above."""
    return lambda **settings: start_broker(
        {**SETTINGS, **{name.replace("_", "."): value for name, value in settings.items()}}
    )


@pytest.fixture
def connect_inside():
    """Open connections to the listener with SASL."""
    with contextlib.ExitStack() as opened:
        yield lambda broker: opened.enter_context(
            SaslClient("127.0.0.1", broker.call(lambda server: server.port("INSIDE")))
        )


def counts(broker) -> tuple[int, int]:
    """Log-ins that went well, and those that failed."""
    inside = broker.call(lambda server: server.logins.counts["INSIDE"])
    return inside.succeeded, inside.failed


@pytest.mark.parametrize("uvloop", [True, False])
def test_a_client_logs_in_and_is_who_it_says(start_broker, connect_inside, uvloop):
    """On uvloop and on asyncio's own; the connection belongs to the user then."""
    broker = start_broker(SETTINGS, uvloop=uvloop)
    client = connect_inside(broker)
    assert client.plain("alice", "hunter2").error_code == ErrorCode.NONE

    def principals(server) -> list[str]:
        return [str(each.info.principal) for listener in server.listeners for each in listener.connections]

    assert broker.call(principals) == ["User:alice"]
    assert counts(broker) == (1, 0)


def test_a_listener_without_sasl_beside_it_asks_for_nothing(sasl):
    """Each listener has its own rules."""
    broker = sasl()
    with WireClient("127.0.0.1", broker.port) as client:
        assert client.versions()


def test_who_does_not_log_in_in_time_is_closed(sasl, connect_inside, caplog):
    """However far it got."""
    broker = sasl(ottla_login_timeout_ms="500")
    with caplog.at_level(logging.INFO):
        silent, half, busy = (connect_inside(broker) for _ in range(3))
        with contextlib.suppress(
            ConnectionError
        ):  # on a busy machine they may be closed sooner than they come so far
            half.handshake("SCRAM-SHA-256")
            half.authenticate(ScramConversation("SCRAM-SHA-256", "alice", "x").first())
            busy.send_bytes(struct.pack(">i", 1000) + b"x" * 500)
        assert silent.closed_by_peer()
        assert half.closed_by_peer()
        assert busy.closed_by_peer()
        until(lambda: "ottla.login.timeout.ms" in caplog.text)


def test_a_client_that_has_logged_in_is_not_timed(sasl, connect_inside):
    """The limit is the log-in's alone, and again that of another one."""
    broker = sasl(ottla_login_timeout_ms="5000", connections_max_reauth_ms="3600000")
    client, late = connect_inside(broker), connect_inside(broker)
    client.plain("alice", "hunter2")
    assert late.closed_by_peer()
    assert client.versions()
    client.handshake("PLAIN")
    assert client.closed_by_peer()


def test_slow_log_ins_by_the_hundred_hold_up_nobody(sasl, connect_inside, monkeypatch):
    """They are cut in their time; whoever logs in meanwhile gets in, and their half frames take no client's memory."""
    monkeypatch.setattr(login, "LOGIN_MEMORY_BYTES", 1 << 20)
    broker = sasl(ottla_login_timeout_ms="3000", queued_max_request_bytes=str(100 * 1024 * 1024))
    slow = [connect_inside(broker) for _ in range(300)]
    for client in slow:
        client.send_bytes(struct.pack(">i", 500_000) + b"x")
    until(lambda: broker.call(lambda server: server.logins.memory.exhausted))
    assert broker.call(lambda server: server.logins.memory.reserved_bytes) < (1 << 20) + 500_004
    assert broker.call(lambda server: server.listeners[0].memory.reserved_bytes) == 0
    assert connect_inside(broker).plain("alice", "hunter2").error_code == ErrorCode.NONE
    for client in slow:
        assert client.closed_by_peer()
    assert broker.call(lambda server: server.logins.memory.reserved_bytes) == 0


def test_log_ins_that_break_off_leave_nothing(sasl, connect_inside):
    """At each step: connection, timer and memory are gone."""
    broker = sasl()
    for steps in range(4):
        client = connect_inside(broker)
        if steps >= 1:
            client.handshake("SCRAM-SHA-256")
        if steps >= 2:
            client.authenticate(ScramConversation("SCRAM-SHA-256", "alice", "x").first())
        if steps >= 3:
            client.send_bytes(b"\0\0\1\0half of a frame")
        client.hang_up()
    until(lambda: broker.call(lambda server: server.connections) == 0)
    assert broker.call(lambda server: server.logins.memory.reserved_bytes) == 0


def test_a_refusal_waits_for_its_time(sasl, connect_inside):
    """`connection.failed.authentication.delay.ms` makes guessing slow; nothing else is read meanwhile."""
    broker = sasl(connection_failed_authentication_delay_ms="300")
    client = connect_inside(broker)
    client.handshake("PLAIN")
    began = time.monotonic()
    answer = client.authenticate(plain_token("alice", "wrong"))
    assert time.monotonic() - began >= 0.29
    assert answer.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
    assert client.closed_by_peer()
    assert counts(broker) == (0, 1)


def test_behind_the_log_in_frames_are_as_large_as_on_any_listener(sasl, connect_inside):
    """The small limit is for those who have not logged in."""
    broker = sasl(sasl_server_max_receive_size="100")
    client = connect_inside(broker)
    client.plain("alice", "hunter2")
    client.create_topic("large")
    client.produce_records("large", Record(0, 0, None, b"x" * 500_000))
    stranger = connect_inside(broker)
    stranger.send_bytes(struct.pack(">i", 101))
    assert stranger.closed_by_peer()


def test_the_limit_is_named_when_a_frame_is_beyond_it(sasl, connect_inside, caplog):
    """By the setting that is to be changed."""
    with caplog.at_level(logging.INFO):
        client = connect_inside(sasl())
        client.send_bytes(struct.pack(">i", 600_000))
        assert client.closed_by_peer()
        until(lambda: "larger than 524288, sasl.server.max.receive.size" in caplog.text)


def test_a_request_like_one_that_was_answered_before_does_not_get_in(sasl, connect_inside):
    """What the broker remembers of produce requests is for those who have logged in."""
    broker = sasl()
    known = connect_inside(broker)
    known.plain("alice", "hunter2")
    known.create_topic("t")
    batch = build_batch([Record(0, 0, None, b"x")])
    data = TopicProduceData(name="t", partition_data=[PartitionProduceData(index=0, records=batch)])
    request = ProduceRequest(acks=1, timeout_ms=10_000, topic_data=[data])
    for _ in range(3):
        assert known.produce("t", batch, acks=1).error_code == ErrorCode.NONE
    for handshake in (False, True):
        stranger = connect_inside(broker)
        if handshake:
            stranger.handshake("PLAIN")
        stranger.send_bytes(encode_request(request, 9, 7, stranger.client_id))
        with contextlib.suppress(ConnectionResetError):
            while stranger._socket.recv(65_536):
                pass
    assert known.fetch("t", 0).high_watermark == 3


def test_the_log_tells_who_failed_and_no_secret(sasl, connect_inside, caplog):
    """In one line, whatever the client calls itself."""
    broker = sasl()
    with caplog.at_level(logging.DEBUG):
        for user in ("alice", "eve\n[KafkaServer id=1] started", "x" * 10_000):
            client = connect_inside(broker)
            client.plain(user, "hunter3")
            assert client.closed_by_peer()
        client = connect_inside(broker)
        client.handshake("evil\nmechanism")
        assert client.closed_by_peer()
        connect_inside(broker).plain("alice", "hunter2")
        until(lambda: len([each for each in caplog.messages if "Closed connection" in each]) == 4)
    lines = [each for each in caplog.messages if "Closed connection" in each]
    assert all("\n" not in line and len(line) < 500 for line in lines)
    assert "'alice'" in lines[0]
    assert r"'eve\n[KafkaServer" in lines[1]
    assert "hunter" not in caplog.text


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        (JAAS, "", f"{JAAS}"),
        (JAAS, f"{PLAIN} required user_alice=hunter2", f"{JAAS}.*not ended by a semicolon"),
        (JAAS, f'{PLAIN} required user_alice="hunter2"; {PLAIN} required;', f"{JAAS}.*2 login modules"),
        ("sasl.enabled.mechanisms", "PLAIN,CRAM-MD5", "sasl.enabled.mechanisms.*CRAM-MD5 is not served"),
        ("sasl.enabled.mechanisms", "", "sasl.enabled.mechanisms.*listener INSIDE speaks SASL"),
    ],
)
def test_a_listener_nobody_could_log_in_to_keeps_the_broker_from_starting(start_broker, setting, value, said):
    """The error names the setting, and shows no password."""
    with pytest.raises(InvalidConfigurationError, match=said) as refused:
        start_broker({**SETTINGS, setting: value})
    assert "hunter2" not in str(refused.value)


def alter(client: WireClient, name: str, value: str) -> None:
    """Set a dynamic setting of broker 1."""
    change = AlterConfigsResource(
        resource_type=4,
        resource_name="1",
        configs=[AlterableConfig(name=name, config_operation=0, value=value)],
    )
    request = IncrementalAlterConfigsRequest(resources=[change])
    [answer] = client.ask(request, IncrementalAlterConfigsResponse, 1).responses
    assert answer.error_code == ErrorCode.NONE, answer


def test_users_of_plain_change_while_the_broker_runs(sasl, connect_inside):
    """Connections that are made from then on log in by the new entry."""
    broker = sasl()
    with WireClient("127.0.0.1", broker.port) as admin:
        alter(admin, JAAS, f'{PLAIN} required user_bob="b";')
    assert connect_inside(broker).plain("bob", "b").error_code == ErrorCode.NONE
    assert connect_inside(broker).plain("alice", "hunter2").error_code == ErrorCode.SASL_AUTHENTICATION_FAILED


def test_a_change_that_can_not_be_leaves_the_users_there_were(sasl, connect_inside, caplog):
    """The log tells, without a word of it."""
    broker = sasl()
    with WireClient("127.0.0.1", broker.port) as admin:
        alter(admin, JAAS, f'{PLAIN} required user_bob="secret-of-bob"')
    assert connect_inside(broker).plain("alice", "hunter2").error_code == ErrorCode.NONE
    assert connect_inside(broker).plain("bob", "secret-of-bob").error_code != ErrorCode.NONE
    assert caplog.text.count("Log-ins go on by the settings of before") == 1
    assert "secret-of-bob" not in caplog.text


def test_users_of_scram_are_known_after_a_restart(start_broker, connect_inside, tmp_path):
    """They lie in the metadata."""
    from ottla.storage.disk import PosixDisk

    for start in range(2):
        broker = start_broker(SETTINGS, disk=PosixDisk())
        if start == 0:
            with WireClient("127.0.0.1", broker.port) as admin:
                set_scram_password(admin, "SCRAM-SHA-256", "carol", "c")
        assert connect_inside(broker).scram("SCRAM-SHA-256", "carol", "c").error_code == ErrorCode.NONE
        broker.stop()


def test_who_does_not_exist_is_told_the_same_after_a_restart(start_broker, connect_inside):
    """Another salt each time would tell who exists: theirs stay."""
    from ottla.storage.disk import PosixDisk

    told = set()
    for _ in range(2):
        broker = start_broker(SETTINGS, disk=PosixDisk())
        client = connect_inside(broker)
        client.handshake("SCRAM-SHA-256")
        challenge = client.authenticate(ScramConversation("SCRAM-SHA-256", "nobody", "x").first())
        told.add(challenge.auth_bytes.decode().partition(",s=")[2])
        broker.stop()
    assert len(told) == 1


def test_a_listener_s_prefix_makes_nothing_dynamic(sasl, connect_inside):
    """Apache takes such a change, and so do we; what only a start can set stays as it was."""
    broker = sasl()
    with WireClient("127.0.0.1", broker.port) as admin:
        alter(admin, "listener.name.inside.plain.connections.max.reauth.ms", "5000")
        alter(admin, "listener.name.inside.sasl.server.max.receive.size", "5")
    answer = connect_inside(broker).plain("alice", "hunter2")
    assert (answer.error_code, answer.session_lifetime_ms) == (ErrorCode.NONE, 0)


def test_bytes_that_are_no_kafka_are_called_by_their_name(sasl, caplog):
    """As on a listener without SASL."""
    port = sasl().call(lambda server: server.port("INSIDE"))
    with caplog.at_level(logging.INFO), socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(1) == b""
        until(lambda: "an HTTP request" in caplog.text)


def test_versions_asked_for_in_the_newest_version_are_told_before_the_log_in(sasl, connect_inside):
    """With the features, as every client does first."""
    client = connect_inside(sasl())
    answer = client.ask(
        ApiVersionsRequest(client_software_name="test", client_software_version="1"), ApiVersionsResponse, 4
    )
    assert answer.error_code == ErrorCode.NONE
    assert client.plain("alice", "hunter2").error_code == ErrorCode.NONE


class ThreadedMechanism:
    """Every token is worked on in a thread."""

    name = "THREADED"

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.working = threading.Event()

    def new_exchange(self, _: ConnectionFacts) -> "ThreadedMechanism":
        return self

    def step(self, token: bytes) -> InThread:
        if token == b"at once":
            raise RuntimeError("a fault in the mechanism")
        return InThread(lambda: self.work(token))

    def work(self, token: bytes) -> Outcome:
        self.working.set()
        assert self.may_go_on.wait(30)
        if token == b"more":
            return Challenge(b"and")
        if token == b"alice":
            return Authenticated(b"done", KafkaPrincipal("User", "alice"))
        if token == b"no":
            raise AuthenticationFailed(None, "it said no")
        raise RuntimeError(f"a fault in the mechanism: {len(token)}")


@pytest.fixture
def threaded(monkeypatch) -> ThreadedMechanism:
    """The mechanism THREADED, of brokers that are started from now on."""
    mechanism = ThreadedMechanism()
    monkeypatch.setitem(sasl_mechanisms._MAKERS, mechanism.name, lambda _: mechanism)
    return mechanism


def test_work_in_a_thread_is_answered_when_it_is_done(sasl, connect_inside, threaded):
    """In requests and as bare tokens; the broker serves others meanwhile."""
    broker = sasl(sasl_enabled_mechanisms="PLAIN,THREADED")
    client, bare = connect_inside(broker), connect_inside(broker)
    client.handshake("THREADED")
    client.send(SaslAuthenticateRequest(auth_bytes=b"more"), SaslAuthenticateResponse, 2)
    assert threaded.working.wait(30)
    assert connect_inside(broker).plain("alice", "hunter2").error_code == ErrorCode.NONE
    threaded.may_go_on.set()
    assert client.receive(SaslAuthenticateResponse).auth_bytes == b"and"
    assert client.authenticate(b"alice").auth_bytes == b"done"
    bare.handshake("THREADED", version=0)
    for said, answered in ((b"more", b"and"), (b"alice", b"done")):
        bare.send_bare(said)
        assert bare.receive_bare() == answered
    assert client.versions()
    assert bare.versions()


@pytest.mark.parametrize("token", [b"no", b"fault", b"at once"])
def test_a_mechanism_that_fails_refuses_the_client(sasl, connect_inside, threaded, caplog, token):
    """Its own fault looks to the client like any refusal; the log has its trace."""
    threaded.may_go_on.set()
    broker = sasl(sasl_enabled_mechanisms="THREADED")
    client, bare = connect_inside(broker), connect_inside(broker)
    client.handshake("THREADED")
    answer = client.authenticate(token)
    assert answer.error_message == (
        "Authentication failed during authentication due to invalid credentials with SASL mechanism THREADED"
    )
    assert client.closed_by_peer()
    bare.handshake("THREADED", version=0)
    bare.send_bare(token)
    assert bare.closed_by_peer()
    assert ("a fault in the mechanism" in caplog.text) == (token != b"no")


def test_a_client_that_leaves_while_a_thread_works_is_forgotten(sasl, connect_inside, threaded):
    """What the thread comes to interests nobody then."""
    broker = sasl(sasl_enabled_mechanisms="THREADED")
    client = connect_inside(broker)
    client.handshake("THREADED")
    client.send(SaslAuthenticateRequest(auth_bytes=b"alice"), SaslAuthenticateResponse, 2)
    assert threaded.working.wait(30)
    client.hang_up()
    until(lambda: broker.call(lambda server: server.connections) == 0)
    threaded.may_go_on.set()
    other = connect_inside(broker)
    other.handshake("THREADED")
    assert other.authenticate(b"alice").auth_bytes == b"done"
    assert counts(broker)[0] == 1


USERS = f"""
KafkaServer {{ {PLAIN} required user_alice="from-file"; }};
inside.KafkaServer {{ a.ScramLoginModule required; {PLAIN} required user_carol="hunter2"; }};
"""


def test_users_may_stand_in_a_jaas_file(start_broker, connect_inside, tmp_path):
    """Under the listener's own name first, as Apache reads `java.security.auth.login.config`."""
    file = tmp_path / "jaas.conf"
    file.write_text(USERS)
    settings = {name: value for name, value in SETTINGS.items() if name != JAAS}
    broker = start_broker({**settings, "ottla.jaas.file": str(file)})
    assert connect_inside(broker).plain("carol", "hunter2").error_code == ErrorCode.NONE
    assert (
        connect_inside(broker).plain("alice", "from-file").error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "ottla.jaas.file.*can't be read: No such file"),
        (b"KafkaServer { hunter2", "ottla.jaas.file.*must stand one of required"),
        (b"\xff", "ottla.jaas.file.*not UTF-8"),
        (b"KafkaServer { a.ScramLoginModule required; };", JAAS),
    ],
)
def test_a_jaas_file_that_is_none_keeps_the_broker_from_starting(start_broker, tmp_path, content, said):
    """By its place."""
    file = tmp_path / "jaas.conf"
    if content is not None:
        file.write_bytes(content)
    settings = {name: value for name, value in SETTINGS.items() if name != JAAS}
    with pytest.raises(InvalidConfigurationError, match=said) as refused:
        start_broker({**settings, "ottla.jaas.file": str(file)})
    assert "hunter2" not in str(refused.value)
