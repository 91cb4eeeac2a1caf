"""Log-in by SASL on the wire: each step, each deviation, as Apache Kafka answers them."""

from __future__ import annotations

import ssl
import struct
from collections.abc import Iterator

import pytest
from wire_client import WireClient

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from ottla.protocol.messages.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from sasl_broker import MECHANISMS, SaslBroker, sasl_broker
from sasl_client import SCRAM_DIGESTS, SaslClient, ScramConversation, plain_token, set_scram_password

LONG_MS = 3_600_000
SESSION_MS = 3_000
SCRAM = sorted(SCRAM_DIGESTS)
WRONG_PLAIN = "Authentication failed: Invalid username or password"


def wrong_scram(mechanism: str, when: str = "authentication") -> str:
    """What Kafka says of every failure but PLAIN's."""
    return f"Authentication failed during {when} due to invalid credentials with SASL mechanism {mechanism}"


@pytest.fixture(scope="module")
def sasl(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SaslBroker]:
    """A broker whose sessions are long by PLAIN, short by SCRAM-SHA-512, and without an end by SCRAM-SHA-256."""
    if ":" in broker_kind:
        pytest.skip(f"--broker={broker_kind} is somebody else's, and has no listener with SASL")
    made = sasl_broker(
        broker_kind,
        tmp_path_factory.mktemp("sasl"),
        {
            "listener.name.sasl_plaintext.plain.connections.max.reauth.ms": str(LONG_MS),
            "listener.name.sasl_plaintext.scram-sha-512.connections.max.reauth.ms": str(SESSION_MS),
            "listener.name.sasl_ssl.scram-sha-512.connections.max.reauth.ms": str(SESSION_MS),
        },
        tls=True,
    )
    with made.broker, WireClient(made.broker.host, made.broker.port) as wire:
        for mechanism in SCRAM:
            set_scram_password(wire, mechanism, "carol", "carol-secret")
            set_scram_password(wire, mechanism, "a,b=c", "odd")
        for mechanism in SCRAM:  # Apache's brokers hear of a user a little after their controller
            until(lambda mechanism=mechanism: _can_log_in(made, mechanism))
        yield made


def _can_log_in(made: SaslBroker, mechanism: str) -> bool:
    with SaslClient(made.broker.host, made.sasl_port) as client:
        return client.scram(mechanism, "a,b=c", "odd").error_code == ErrorCode.NONE


@pytest.fixture
def client(sasl: SaslBroker) -> Iterator[SaslClient]:
    """A connection to the listener with SASL."""
    with SaslClient(sasl.broker.host, sasl.sasl_port) as connected:
        yield connected


@pytest.fixture
def encrypted(sasl: SaslBroker) -> Iterator[SaslClient]:
    """A connection to the listener with SASL and TLS."""
    context = ssl.create_default_context(cafile=sasl.authority)
    with SaslClient(sasl.broker.host, sasl.sasl_ssl_port, context) as connected:
        yield connected


def answers(client: SaslClient) -> bool:
    """Whether the client is served like any other."""
    return client.ask(MetadataRequest(topics=[]), MetadataResponse, 8).controller_id == 1


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_user_logs_in_by_plain(client: SaslClient, version: int) -> None:
    """ApiVersions, handshake, one token; then the broker serves it. Since version 1 the answer tells the session's time."""
    assert client.versions()[36][1] >= 2
    handshake = client.handshake("PLAIN")
    assert (handshake.error_code, set(handshake.mechanisms)) == (ErrorCode.NONE, set(MECHANISMS))
    answer = client.authenticate(plain_token("alice", "alice-secret"), version)
    assert (answer.error_code, answer.error_message) == (ErrorCode.NONE, "")
    assert (answer.auth_bytes, answer.session_lifetime_ms) == (b"", LONG_MS if version >= 1 else 0)
    assert answers(client)


@pytest.mark.parametrize("mechanism", SCRAM)
@pytest.mark.parametrize(("user", "password"), [("carol", "carol-secret"), ("a,b=c", "odd")])
def test_a_user_logs_in_by_scram(client: SaslClient, mechanism: str, user: str, password: str) -> None:
    """Without asking for versions first; the answer tells how long the session lasts."""
    answer = client.scram(mechanism, user, password)
    assert answer.error_code == ErrorCode.NONE
    assert answer.session_lifetime_ms == (SESSION_MS if mechanism == "SCRAM-SHA-512" else 0)
    assert answers(client)


def test_tokens_come_bare_behind_a_handshake_of_version_0(client: SaslClient) -> None:
    """As clients before 1.0 send them: frames of their own, no requests."""
    assert client.handshake("PLAIN", version=0).error_code == ErrorCode.NONE
    client.send_bare(plain_token("alice", "alice-secret"))
    assert client.receive_bare() == b""
    assert answers(client)


def test_bare_scram(client: SaslClient) -> None:
    """Likewise, with two tokens each way."""
    conversation = ScramConversation("SCRAM-SHA-256", "carol", "carol-secret")
    client.handshake("SCRAM-SHA-256", version=0)
    client.send_bare(conversation.first())
    client.send_bare(conversation.final(client.receive_bare()))
    assert client.receive_bare() == conversation.signature
    assert answers(client)


def test_a_wrong_bare_token_is_answered_by_hanging_up(client: SaslClient) -> None:
    """There is no place for an error."""
    client.handshake("PLAIN", version=0)
    client.send_bare(plain_token("alice", "wrong"))
    assert client.closed_by_peer()


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (plain_token("alice", "wrong"), WRONG_PLAIN),
        (plain_token("nobody", "alice-secret"), WRONG_PLAIN),
        (plain_token("", "alice-secret"), "Authentication failed: username not specified"),
        (plain_token("alice", ""), "Authentication failed: password not specified"),
        (
            plain_token("alice", "alice-secret", "bob"),
            "Authentication failed: Client requested an authorization id that is different from username",
        ),
        (b"", "Invalid SASL/PLAIN response: expected 3 tokens, got 1"),
        (b"a\0b\0c\0d\0e", "Invalid SASL/PLAIN response: expected 3 tokens, got 4"),
        (plain_token("alice" * 50_000, "alice-secret"), WRONG_PLAIN),
        (plain_token("alice", "alice-secret" * 40_000), WRONG_PLAIN),
        (plain_token("ALICE", "alice-secret"), WRONG_PLAIN),
        (plain_token("\uff41lice", "alice-secret"), WRONG_PLAIN),
    ],
)
def test_who_fails_by_plain_is_told_why_and_hung_up_on(
    client: SaslClient, token: bytes, message: str
) -> None:
    """After the delay that makes guessing slow."""
    client.handshake("PLAIN")
    answer = client.authenticate(token)
    assert (answer.error_code, answer.error_message) == (ErrorCode.SASL_AUTHENTICATION_FAILED, message)
    assert client.closed_by_peer()


@pytest.mark.parametrize("mechanism", SCRAM)
@pytest.mark.parametrize(
    ("user", "password"),
    [("carol", "wrong"), ("nobody", "x"), ("alice", "alice-secret"), ("x" * 1_000, "x"), ("CAROL", "c")],
)
def test_who_fails_by_scram_is_told_the_same_whatever_it_was(
    client: SaslClient, mechanism: str, user: str, password: str
) -> None:
    """A user of PLAIN is none of SCRAM."""
    answer = client.scram(mechanism, user, password)
    assert answer.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
    assert answer.error_message == wrong_scram(mechanism)
    assert client.closed_by_peer()


def test_a_user_of_one_scram_mechanism_is_none_of_the_other(sasl: SaslBroker, client: SaslClient) -> None:
    """Each has a credential of its own."""
    with WireClient(sasl.broker.host, sasl.broker.port) as wire:
        set_scram_password(wire, "SCRAM-SHA-256", "dave", "d")
    assert client.scram("SCRAM-SHA-512", "dave", "d").error_code == ErrorCode.SASL_AUTHENTICATION_FAILED


def test_passwords_are_not_normalized(sasl: SaslBroker) -> None:
    """Neither Apache's clients nor its broker do SASLprep: a password is its bytes, however it looks."""
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    with WireClient(sasl.broker.host, sasl.broker.port) as wire:
        set_scram_password(wire, "SCRAM-SHA-256", "zoe", composed)

    def code(password: str) -> int:
        with SaslClient(sasl.broker.host, sasl.sasl_port) as connected:
            return connected.scram("SCRAM-SHA-256", "zoe", password).error_code

    until(lambda: code(composed), lambda seen: seen == ErrorCode.NONE)
    assert code(decomposed) == ErrorCode.SASL_AUTHENTICATION_FAILED


def test_a_name_beyond_ascii_is_none_of_scram(sasl: SaslBroker, client: SaslClient) -> None:
    """Apache's pattern of the first message knows none, though a credential may be set for one."""
    with WireClient(sasl.broker.host, sasl.broker.port) as wire:
        set_scram_password(wire, "SCRAM-SHA-256", "zo\u00eb", "z")
    assert client.scram("SCRAM-SHA-256", "zo\u00eb", "z").error_code == ErrorCode.SASL_AUTHENTICATION_FAILED


@pytest.mark.parametrize("lie", ["", "x", "another"])
def test_a_nonce_of_another_exchange_is_refused(client: SaslClient, lie: str) -> None:
    """Though the proof fits what is said: recorded messages must be worth nothing (CVE-2024-56128)."""
    conversation = ScramConversation("SCRAM-SHA-256", "carol", "carol-secret")
    client.handshake("SCRAM-SHA-256")
    challenge = client.authenticate(conversation.first()).auth_bytes
    nonce = conversation.nonce + lie
    answer = client.authenticate(conversation.final(challenge, nonce=nonce))
    assert answer.error_message == wrong_scram("SCRAM-SHA-256")
    assert client.closed_by_peer()


@pytest.mark.parametrize(
    "first", [b"", b"n,,n=carol", b"y,,n=carol,r=abc", b"p=tls-unique,,n=carol,r=abc", b"\xff\0"]
)
def test_first_messages_that_are_none_of_scram(client: SaslClient, first: bytes) -> None:
    """Channel bindings among them, which no broker offers."""
    client.handshake("SCRAM-SHA-256")
    assert client.authenticate(first).error_message == wrong_scram("SCRAM-SHA-256")
    assert client.closed_by_peer()


@pytest.mark.parametrize("version", [0, 1])
def test_an_unknown_mechanism_is_answered_by_those_that_there_are(client: SaslClient, version: int) -> None:
    """And the connection ends."""
    answer = client.handshake("CRAM-MD5", version)
    assert answer.error_code == ErrorCode.UNSUPPORTED_SASL_MECHANISM
    assert set(answer.mechanisms) == set(MECHANISMS)
    assert client.closed_by_peer()


def test_before_the_handshake_no_request_is_answered(client: SaslClient) -> None:
    """SASL can't be skipped."""
    client.send(MetadataRequest(topics=[]), MetadataResponse, 8)
    assert client.closed_by_peer()


def test_nor_are_tokens(client: SaslClient) -> None:
    """They belong to a mechanism."""
    client.send_bare(struct.pack(">hhih", 36, 2, 1, -1) + b"\0\x01\0")
    assert client.closed_by_peer()


def test_nor_is_what_is_no_request(client: SaslClient) -> None:
    """GSSAPI tokens without a handshake, which brokers took before 4.0."""
    client.send_bare(b"\x60\x82\x02\x00" + b"x" * 512)
    assert client.closed_by_peer()


def test_versions_are_asked_for_once(client: SaslClient) -> None:
    """The second time there is no answer."""
    client.versions()
    client.send(ApiVersionsRequest(), ApiVersionsResponse, 0)
    assert client.closed_by_peer()


def test_versions_of_the_future_may_be_asked_for_again(client: SaslClient) -> None:
    """That is how clients find out which version to ask in (KIP-511)."""
    client.send_bare(struct.pack(">hhih", 18, 99, 5, -1) + b"\0\0\0")
    frame = client.receive_bare()
    assert struct.unpack_from(">ih", frame) == (5, ErrorCode.UNSUPPORTED_VERSION)
    assert client.versions()
    assert client.plain("alice", "alice-secret").error_code == ErrorCode.NONE


@pytest.mark.parametrize(
    ("request_", "response", "version"),
    [
        (ApiVersionsRequest(), ApiVersionsResponse, 0),
        (SaslHandshakeRequest(mechanism="SCRAM-SHA-256"), SaslHandshakeResponse, 1),
        (FindCoordinatorRequest(key="g"), FindCoordinatorResponse, 1),
    ],
)
def test_between_handshake_and_log_in_other_requests_are_out_of_turn(
    client: SaslClient, request_, response, version
) -> None:
    """A second handshake too: the mechanism can't be switched midway."""
    client.handshake("PLAIN")
    assert client.ask(request_, response, version).error_code == ErrorCode.ILLEGAL_SASL_STATE
    assert client.closed_by_peer()


def test_between_the_tokens_they_are_as_well(client: SaslClient) -> None:
    """Half of a log-in is worth nothing."""
    client.handshake("SCRAM-SHA-256")
    client.authenticate(ScramConversation("SCRAM-SHA-256", "carol", "carol-secret").first())
    answer = client.handshake("PLAIN")
    assert answer.error_code == ErrorCode.ILLEGAL_SASL_STATE
    assert client.closed_by_peer()


def test_tokens_behind_a_log_in_are_out_of_turn(client: SaslClient) -> None:
    """The connection stays as it is."""
    client.plain("alice", "alice-secret")
    answer = client.authenticate(plain_token("bob", "bob-secret"))
    assert answer.error_code == ErrorCode.ILLEGAL_SASL_STATE
    assert answer.error_message == "SaslAuthenticate request received after successful authentication"
    assert answers(client)


def test_a_client_may_log_in_again(client: SaslClient) -> None:
    """For a longer session (KIP-368)."""
    client.plain("alice", "alice-secret")
    assert client.plain("alice", "alice-secret").error_code == ErrorCode.NONE
    assert answers(client)


def test_a_client_may_log_in_again_once_a_second(sasl: SaslBroker) -> None:
    """Sooner it is out of turn, and the connection stays as it is."""

    def code_of_third() -> int:
        with SaslClient(sasl.broker.host, sasl.sasl_port) as client:
            for _ in range(2):
                client.plain("alice", "alice-secret")
            code = client.handshake("PLAIN").error_code
            assert code != ErrorCode.ILLEGAL_SASL_STATE or answers(client)
            return code

    until(code_of_third, lambda code: code == ErrorCode.ILLEGAL_SASL_STATE)


def test_where_sessions_have_no_end_a_client_may_not_log_in_again(client: SaslClient) -> None:
    """It is out of turn, and the connection stays as it is."""
    client.scram("SCRAM-SHA-256", "carol", "carol-secret")
    assert client.handshake("SCRAM-SHA-256").error_code == ErrorCode.ILLEGAL_SASL_STATE
    assert answers(client)


def test_nobody_becomes_someone_else(client: SaslClient) -> None:
    """On re-authentication the user has to be the same."""
    client.plain("alice", "alice-secret")
    answer = client.plain("bob", "bob-secret")
    assert answer.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
    assert answer.error_message == (
        "Cannot change principals during re-authentication from User.alice: User.bob"
    )
    assert client.closed_by_peer()


def test_the_mechanism_stays_the_same_on_re_authentication(client: SaslClient) -> None:
    """The handshake is taken, what follows it isn't."""
    client.plain("alice", "alice-secret")
    assert client.handshake("SCRAM-SHA-256").error_code == ErrorCode.NONE
    client.send_bare(b"n,,n=alice,r=abc")
    assert client.closed_by_peer()


def test_a_failed_re_authentication_ends_the_connection(client: SaslClient) -> None:
    """Its sentence differs from a log-in's in one word."""
    client.scram("SCRAM-SHA-512", "carol", "carol-secret")
    answer = client.scram("SCRAM-SHA-512", "carol", "wrong")
    assert answer.error_message == wrong_scram("SCRAM-SHA-512", "re-authentication")
    assert client.closed_by_peer()


def test_while_a_client_logs_in_again_it_is_not_served(client: SaslClient) -> None:
    """Requests are out of turn until it is done."""
    client.plain("alice", "alice-secret")
    client.handshake("PLAIN")
    answer = client.ask(FindCoordinatorRequest(key="g"), FindCoordinatorResponse, 1)
    assert answer.error_code == ErrorCode.ILLEGAL_SASL_STATE
    assert client.closed_by_peer()


def test_a_session_ends_with_the_next_request(client: SaslClient) -> None:
    """Whoever does not log in again in time is hung up on."""
    client.scram("SCRAM-SHA-512", "carol", "carol-secret")

    def is_over() -> bool:
        try:
            return not answers(client)
        except ConnectionError:
            return True

    until(is_over)


def test_logging_in_again_makes_a_session_longer(client: SaslClient) -> None:
    """With the same user it goes on, for the same time."""
    for _ in range(2):
        answer = client.scram("SCRAM-SHA-512", "carol", "carol-secret")
        assert (answer.error_code, answer.session_lifetime_ms) == (ErrorCode.NONE, SESSION_MS)
    assert answers(client)


@pytest.mark.parametrize("declared", [524_289, 2**31 - 1, -1])
def test_before_a_log_in_frames_are_small(client: SaslClient, declared: int) -> None:
    """By their declared length already (`sasl.server.max.receive.size`)."""
    client.send_bytes(struct.pack(">i", declared))
    assert client.closed_by_peer()


def test_between_the_tokens_frames_are_small_too(client: SaslClient) -> None:
    """Whatever their kind."""
    client.handshake("PLAIN", version=0)
    client.send_bytes(struct.pack(">i", 524_289))
    assert client.closed_by_peer()


def test_a_large_token_that_is_allowed_is_looked_at(client: SaslClient) -> None:
    """As large as a frame may be, it comes in pieces; what is wrong with it is said."""
    client.handshake("PLAIN")
    answer = client.authenticate(b"\0alice\0" + b"x" * 500_000)
    assert answer.error_message == WRONG_PLAIN


@pytest.mark.parametrize("mechanism", SCRAM)
def test_log_in_over_tls(encrypted: SaslClient, mechanism: str) -> None:
    """The same, and for a longer session where sessions end."""
    assert encrypted.versions()
    assert encrypted.scram(mechanism, "carol", "carol-secret").error_code == ErrorCode.NONE
    assert answers(encrypted)
    again = encrypted.handshake(mechanism).error_code
    assert again == (ErrorCode.NONE if mechanism == "SCRAM-SHA-512" else ErrorCode.ILLEGAL_SASL_STATE)


def test_bare_tokens_over_tls(encrypted: SaslClient) -> None:
    """Frames are frames."""
    encrypted.handshake("PLAIN", version=0)
    encrypted.send_bare(plain_token("alice", "alice-secret"))
    assert encrypted.receive_bare() == b""
    assert answers(encrypted)


def test_over_tls_too_a_log_in_is_asked_for(encrypted: SaslClient) -> None:
    """Encryption alone says nothing of who is there."""
    encrypted.send(MetadataRequest(topics=[]), MetadataResponse, 8)
    assert encrypted.closed_by_peer()


def test_over_tls_too_a_wrong_password_is_refused(encrypted: SaslClient) -> None:
    """The answer leaves before the connection ends."""
    assert encrypted.plain("alice", "wrong").error_message == WRONG_PLAIN
    assert encrypted.closed_by_peer()


def test_metadata_names_the_listener_that_the_client_came_by(sasl: SaslBroker, client: SaslClient) -> None:
    """Or it would be sent to where it can't log in."""
    client.plain("alice", "alice-secret")
    [node] = client.ask(MetadataRequest(topics=[]), MetadataResponse, 8).brokers
    assert (node.host, node.port) == (sasl.broker.host, sasl.sasl_port)
    with WireClient(sasl.broker.host, sasl.broker.port) as wire:
        [node] = wire.ask(MetadataRequest(topics=[]), MetadataResponse, 8).brokers
    assert node.port == sasl.broker.port


def test_a_password_that_is_changed_holds_at_once(sasl: SaslBroker) -> None:
    """And one that is taken away lets nobody in."""
    with WireClient(sasl.broker.host, sasl.broker.port) as wire:
        for password in ("first", "second"):
            set_scram_password(wire, "SCRAM-SHA-256", "erin", password)

            def code(password: str = password) -> int:
                with SaslClient(sasl.broker.host, sasl.sasl_port) as connected:
                    return connected.scram("SCRAM-SHA-256", "erin", password).error_code

            until(code, lambda seen: seen == ErrorCode.NONE)
    with SaslClient(sasl.broker.host, sasl.sasl_port) as connected:
        assert connected.scram("SCRAM-SHA-256", "erin", "first").error_code
