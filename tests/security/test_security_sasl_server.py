"""The log-in's states: what may come when, and what every deviation is answered with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.protocol.api_keys import ApiKey
from ottla.security.mechanisms import (
    Authenticated,
    AuthenticationFailed,
    Challenge,
    ConnectionFacts,
    InThread,
    Outcome,
)
from ottla.security.principal import KafkaPrincipal
from ottla.security.sasl_server import (
    MIN_REAUTHENTICATION_INTERVAL_MS,
    TRANSITIONS,
    LoginRefused,
    Progress,
    SaslServer,
    State,
    UnsupportedMechanism,
)

FACTS = ConnectionFacts("1", "SASL", "SASL_PLAINTEXT", "127.0.0.1")
NOW_MS = 1_000_000


class Scripted:
    """A mechanism whose tokens say what comes of them."""

    def __init__(self, name: str) -> None:
        self.name = name

    def new_exchange(self, facts: ConnectionFacts) -> "Scripted":
        assert facts == FACTS
        return self

    def step(self, token: bytes) -> Outcome:
        kind, _, rest = token.decode().partition(" ")
        match kind:
            case "more":
                return Challenge(b"go on")
            case "user":
                name, _, expires = rest.partition(" ")
                return Authenticated(b"bye", KafkaPrincipal("User", name), int(expires) if expires else None)
            case "token":
                owner = KafkaPrincipal("User", rest, token_authenticated=True)
                return Authenticated(b"bye", owner)
            case "thread":
                return InThread(lambda: self.step(rest.encode()))
            case "said":
                raise AuthenticationFailed("in these words", "for the log")
        raise AuthenticationFailed(None, "for the log")


def server(**max_session_ms: int) -> SaslServer:
    return SaslServer({"ONE": Scripted("ONE"), "TWO": Scripted("TWO")}, max_session_ms, FACTS)


def logged_in(session_ms: int = 60_000) -> SaslServer:
    made = server(ONE=session_ms)
    made.begin("ONE", 1)
    made.step(b"user alice", NOW_MS)
    return made


def refusal(call, *arguments) -> LoginRefused:
    with pytest.raises(LoginRefused) as refused:
        call(*arguments)
    return refused.value


def test_versions_handshake_tokens_and_in():
    """The way of every client since 1.0."""
    login = server()
    login.expect(ApiKey.API_VERSIONS)
    login.versions_told()
    login.expect(ApiKey.SASL_HANDSHAKE)
    login.begin("ONE", 1)
    login.expect(ApiKey.SASL_AUTHENTICATE)
    assert login.step(b"more", NOW_MS) == Progress(b"go on", is_complete=False)
    login.expect(ApiKey.SASL_AUTHENTICATE)
    assert login.step(b"user alice", NOW_MS) == Progress(b"bye", is_complete=True)
    assert login.state is State.COMPLETE
    assert login.principal == KafkaPrincipal("User", "alice")


@pytest.mark.parametrize(
    "api_key", [each for each in ApiKey if each not in (ApiKey.API_VERSIONS, ApiKey.SASL_HANDSHAKE)]
)
def test_before_the_handshake_nothing_else_may_come(api_key):
    """SASL can't be skipped: neither by a request nor by beginning with its tokens. There is no answer."""
    refused = refusal(server().expect, api_key)
    assert str(refused) == f"Unexpected Kafka request of type {api_key.name} during SASL handshake."
    assert refused.message is None


def test_versions_are_asked_for_once():
    """As Apache's state machine has it."""
    login = server()
    login.versions_told()
    assert "Unexpected ApiVersions request" in str(refusal(login.expect, ApiKey.API_VERSIONS))


@pytest.mark.parametrize("api_key", [each for each in ApiKey if each is not ApiKey.SASL_AUTHENTICATE])
def test_behind_the_handshake_only_tokens_may_come(api_key):
    """No second handshake with another mechanism, no request: it is told so."""
    login = server()
    login.begin("ONE", 1)
    refused = refusal(login.expect, api_key)
    assert refused.message == f"Unexpected Kafka request of type {api_key.name} during SASL authentication."
    assert login.state is State.FAILED


def test_an_unknown_mechanism_is_refused():
    """The log line can't be broken by its name."""
    login = server()
    with pytest.raises(UnsupportedMechanism, match=r"Unsupported SASL mechanism 'evil\\n'"):
        login.begin("evil\n", 1)
    assert login.enabled == ["ONE", "TWO"]
    assert login.state is State.FAILED


@pytest.mark.parametrize("version", [0, 1])
def test_a_failure_is_told_in_the_mechanisms_words_or_in_those_for_all(version):
    """Kafka's sentence for all says nothing of users."""
    login = server()
    login.begin("ONE", version)
    assert refusal(login.step, b"said", NOW_MS).message == "in these words"
    login = server()
    login.begin("ONE", version)
    refused = refusal(login.step, b"no", NOW_MS)
    assert refused.message == (
        "Authentication failed during authentication due to invalid credentials with SASL mechanism ONE"
    )
    assert "for the log" in str(refused)


@pytest.mark.parametrize("version", [0, 1])
def test_work_in_a_thread_goes_on_where_it_left(version):
    """A challenge waits for more tokens of the same kind, a success is one."""
    login = server()
    login.begin("ONE", version)
    before = login.state
    work = login.step(b"thread more", NOW_MS)
    assert isinstance(work, InThread)
    assert login.state is State.WORKING
    assert login.conclude(work.function(), NOW_MS) == Progress(b"go on", is_complete=False)
    assert login.state is before
    work = login.step(b"thread user alice", NOW_MS)
    assert isinstance(work, InThread)
    assert login.conclude(work.function(), NOW_MS).is_complete


@pytest.mark.parametrize(
    ("max_session_ms", "expires_at_ms", "lifetime_ms"),
    [
        (0, None, None),
        (60_000, None, 60_000),
        (0, NOW_MS + 5_000, 5_000),
        (60_000, NOW_MS + 5_000, 5_000),
        (3_000, NOW_MS + 5_000, 3_000),
        (60_000, NOW_MS - 1, 0),
    ],
)
def test_a_session_lasts_as_long_as_setting_and_credential_allow(max_session_ms, expires_at_ms, lifetime_ms):
    """KIP-368: the shorter of both; of other mechanisms the setting is another."""
    login = server(ONE=max_session_ms, TWO=1)
    login.begin("ONE", 1)
    token = b"user alice" if expires_at_ms is None else f"user alice {expires_at_ms}".encode()
    progress = login.step(token, NOW_MS)
    assert isinstance(progress, Progress)
    assert progress.is_bounded == (lifetime_ms is not None)
    assert progress.session_lifetime_ms == (lifetime_ms or 0)


def test_a_client_may_log_in_again_once_a_second():
    """Apache takes a handshake that comes sooner for one out of turn."""
    login = logged_in()
    assert login.may_begin_again(NOW_MS)
    login.begin_again("ONE", 1, NOW_MS)
    assert not login.may_begin_again(NOW_MS + 5_000)
    login.step(b"user alice", NOW_MS)
    assert not login.may_begin_again(NOW_MS + MIN_REAUTHENTICATION_INTERVAL_MS - 1)
    assert login.may_begin_again(NOW_MS + MIN_REAUTHENTICATION_INTERVAL_MS)


def test_a_session_without_an_end_is_not_begun_anew():
    """Apache takes a handshake then for one out of turn."""
    assert not logged_in(session_ms=0).may_begin_again(NOW_MS)


def test_nobody_becomes_someone_else():
    """Another user on re-authentication is refused, in Apache's words."""
    login = logged_in()
    login.begin_again("ONE", 1, NOW_MS)
    assert refusal(login.step, b"user bob", NOW_MS).message == (
        "Cannot change principals during re-authentication from User.alice: User.bob"
    )
    assert login.principal == KafkaPrincipal("User", "alice")
    assert login.state is State.FAILED


def test_a_token_of_the_same_user_will_do():
    """And the other way round, as at Apache; who comes by a token then may not make further ones."""
    login = logged_in()
    login.begin_again("ONE", 1, NOW_MS)
    login.step(b"token alice", NOW_MS)
    assert login.principal is not None
    assert login.principal.token_authenticated
    login.begin_again("ONE", 1, NOW_MS + MIN_REAUTHENTICATION_INTERVAL_MS)
    login.step(b"user alice", NOW_MS)
    assert not login.principal.token_authenticated


def test_the_mechanism_stays_the_same():
    """Apache takes the handshake and refuses what follows."""
    login = logged_in()
    login.begin_again("TWO", 1, NOW_MS)
    refused = refusal(login.step, b"user alice", NOW_MS)
    assert refused.message is None
    assert login.state is State.FAILED


def test_a_failed_re_authentication_says_so():
    """Its sentence differs in one word."""
    login = logged_in()
    login.begin_again("ONE", 1, NOW_MS)
    assert refusal(login.step, b"no", NOW_MS).message == (
        "Authentication failed during re-authentication due to invalid credentials with SASL mechanism ONE"
    )


def test_nothing_leads_out_of_a_failure():
    """The connection is to be closed."""
    assert TRANSITIONS[State.FAILED] == frozenset()
    assert set(TRANSITIONS) == set(State)


STEPS = st.one_of(
    st.tuples(st.just("expect"), st.sampled_from(list(ApiKey))),
    st.tuples(st.just("begin"), st.sampled_from(["ONE", "TWO", "NONE"])),
    st.tuples(st.just("step"), st.sampled_from([b"more", b"user alice", b"user bob", b"no", b""])),
)


@given(st.lists(STEPS, max_size=12))
def test_however_requests_come_only_a_right_token_lets_in(steps):
    """And whoever is in stays who they are."""
    login, first = server(ONE=1_000, TWO=1_000), None
    now_ms = NOW_MS
    for kind, argument in steps:
        now_ms += 10_000
        try:
            if kind == "expect":
                login.expect(argument)
            elif kind == "begin" and login.state in (State.FIRST_REQUEST, State.HANDSHAKE):
                login.begin(argument, 1)
            elif kind == "begin" and login.may_begin_again(now_ms):
                login.begin_again(argument, 1, now_ms)
            elif kind == "step" and login.state in (State.AUTHENTICATE, State.BAD_MECHANISM):
                login.step(argument, now_ms)
                if login.state is State.COMPLETE:
                    assert argument.startswith(b"user")
                    first = first or login.principal
        except LoginRefused:
            assert login.state is State.FAILED
            break
        assert login.principal == first
