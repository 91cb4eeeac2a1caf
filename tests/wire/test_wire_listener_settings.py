"""The certificates of a listener: which ones a broker starts with, and which ones a change of its settings may bring (KIP-226)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from wire_client import WireClient

from brokers import ApacheBroker, OttlaBroker, ProcessBroker, free_port
from certificates import Authority, Identity
from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import alter_configs as replacing
from ottla.protocol.messages import incremental_alter_configs as altering

BROKER, SET = 4, 0
PREFIX: Final = "listener.name.tls.ssl"
AUTHORITY, STRANGERS = Authority(), Authority("Strangers")
OWN = AUTHORITY.issue("broker", hosts=("localhost", "127.0.0.1"))
EXPIRED = AUTHORITY.issue("broker", valid_from_days=-9, valid_for_days=-1)


class TlsBroker(NamedTuple):
    """A broker with a second listener, TLS, and where its stores lie."""

    broker: ProcessBroker
    port: int
    directory: Path

    def shown(self) -> bytes:
        """The certificate that a client is shown now."""
        context = ssl.create_default_context(cadata=AUTHORITY.pem())
        with (
            socket.create_connection((self.broker.host, self.port), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            shown = client.getpeercert(binary_form=True)
        assert shown is not None
        return shown


def tls_broker(
    kind: str, directory: Path, identity: Identity, settings: dict[str, str] | None = None
) -> TlsBroker:
    """Not started yet; brokers among themselves use the plain listener unless `settings` tell otherwise."""
    if ":" in kind:
        pytest.skip(f"--broker={kind} is somebody else's, and has certificates of its own")
    directory.mkdir(exist_ok=True)
    broker = {"ottla": OttlaBroker, "apache": ApacheBroker}[kind](directory / "broker")
    port = free_port()
    protocols = broker.settings.get("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT")
    broker.settings |= {
        "listeners": f"{broker.settings['listeners']},TLS://{broker.host}:{port}",
        "listener.security.protocol.map": f"{protocols},TLS:SSL",
        f"{PREFIX}.keystore.type": "PEM",
        f"{PREFIX}.keystore.location": str(identity.write_pem(directory / "broker.pem")),
        f"{PREFIX}.truststore.type": "PEM",
        f"{PREFIX}.truststore.location": str(AUTHORITY.write_pem(directory / "trust.pem")),
        **(settings or {}),
    }
    return TlsBroker(broker, port, directory)


@pytest.fixture(scope="module")
def tls(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsBroker]:
    """One for changes that are refused."""
    made = tls_broker(broker_kind, tmp_path_factory.mktemp("tls"), OWN)
    with made.broker:
        yield made


@pytest.fixture
def wire(tls: TlsBroker) -> Iterator[WireClient]:
    """A plain connection to it."""
    with WireClient(tls.broker.host, tls.broker.port) as client:
        yield client


def alter(wire: WireClient, name: str, value: object, *, validate_only: bool = False) -> tuple[int, str]:
    """Set one of the listener's TLS settings by IncrementalAlterConfigs."""
    resource = altering.AlterConfigsResource(
        resource_type=BROKER,
        resource_name="1",
        configs=[altering.AlterableConfig(name=f"{PREFIX}.{name}", config_operation=SET, value=str(value))],
    )
    request = altering.IncrementalAlterConfigsRequest(resources=[resource], validate_only=validate_only)
    [answer] = wire.ask(request, altering.IncrementalAlterConfigsResponse, 1).responses
    return answer.error_code, answer.error_message or ""


def replace(wire: WireClient, name: str, value: object, *, validate_only: bool = False) -> tuple[int, str]:
    """Set it, and nothing else, by AlterConfigs."""
    resource = replacing.AlterConfigsResource(
        resource_type=BROKER,
        resource_name="1",
        configs=[replacing.AlterableConfig(name=f"{PREFIX}.{name}", value=str(value))],
    )
    request = replacing.AlterConfigsRequest(resources=[resource], validate_only=validate_only)
    [answer] = wire.ask(request, replacing.AlterConfigsResponse, 2).responses
    return answer.error_code, answer.error_message or ""


def unusable_stores(directory: Path) -> dict[str, tuple[str, Path]]:
    """Setting and file, by what is wrong with it."""
    garbage, empty = directory / "garbage.pem", directory / "empty.pem"
    garbage.write_text("nothing")
    empty.write_text("")
    other_name = AUTHORITY.issue("somebody else").write_pem(directory / "other.pem")
    fewer_hosts = AUTHORITY.issue("broker", hosts=("localhost",)).write_pem(directory / "fewer.pem")
    return {
        "a key store that isn't there": ("keystore.location", directory / "absent.pem"),
        "a key store that is none": ("keystore.location", garbage),
        "another name": ("keystore.location", other_name),
        "fewer alternative names": ("keystore.location", fewer_hosts),
        "a trust store that isn't there": ("truststore.location", directory / "absent.pem"),
        "a trust store without a certificate": ("truststore.location", empty),
    }


UNUSABLE: Final = (
    "a key store that isn't there",
    "a key store that is none",
    "another name",
    "fewer alternative names",
    "a trust store that isn't there",
    "a trust store without a certificate",
)


@pytest.mark.parametrize("validate_only", [False, True])
@pytest.mark.parametrize("what", UNUSABLE)
def test_stores_that_can_t_be_used_are_refused(
    tls: TlsBroker, wire: WireClient, tmp_path: Path, what: str, validate_only: bool
) -> None:
    """Before the answer; the listener keeps the certificate it has."""
    before = tls.shown()
    name, path = unusable_stores(tmp_path)[what]
    for change in (alter, replace):
        code, message = change(wire, name, path, validate_only=validate_only)
        assert code == ErrorCode.INVALID_REQUEST, message
        assert "Validation of dynamic config update of SSLFactory failed: " in message
    assert tls.shown() == before


FOREIGN: Final = "com.example.Mine"
LISTENER: Final = "listener.name.tls"

REFUSED: Final = [
    ("authorizer.class.name", "x"),
    ("connections.max.reauth.ms", "5"),
    ("delegation.token.secret.key", "x"),
    ("principal.builder.class", FOREIGN),
    ("sasl.login.class", FOREIGN),
    ("sasl.oauthbearer.jwks.endpoint.url", "http://localhost"),
    ("sasl.server.callback.handler.class", FOREIGN),
    ("security.inter.broker.protocol", "SSL"),
    ("security.providers", "x"),
    ("ssl.allow.dn.changes", "true"),
    ("ssl.engine.factory.class", FOREIGN),
    ("ssl.keystore.location", "/x"),
    ("ssl.principal.mapping.rules", "DEFAULT"),
    (f"{LISTENER}.principal.builder.class", FOREIGN),
    (f"{LISTENER}.sasl.server.callback.handler.class", FOREIGN),
    (f"{LISTENER}.ssl.client.auth", "nonsense"),
    (f"{LISTENER}.ssl.key.password", "of a key that is not encrypted"),
    (f"{LISTENER}.ssl.keystore.password", "which PEM has none of"),
    (f"{LISTENER}.ssl.keystore.type", "JKS"),
    (f"{LISTENER}.ssl.keystore.type", "NOSUCH"),
    (f"{LISTENER}.ssl.truststore.password", "which PEM has none of"),
]

ACCEPTED: Final = [
    ("allow.everyone.if.no.acl.found", "true"),
    ("config.providers", "file"),
    ("config.providers.file.class", "org.apache.kafka.common.config.provider.FileConfigProvider"),
    ("sasl.enabled.mechanisms", "PLAIN"),
    ("sasl.jaas.config", "nonsense"),
    ("ssl.client.auth", "required"),
    ("ssl.enabled.protocols", "TLSv1.2"),
    ("super.users", "User:eve"),
    ("listener.name.absent.ssl.keystore.location", "/absent"),
    (f"{LISTENER}.connections.max.reauth.ms", "1000"),
    (f"{LISTENER}.max.connections", "50"),
    (f"{LISTENER}.no.such", "5"),
    (f"{LISTENER}.num.partitions", "5"),
    (f"{LISTENER}.plain.sasl.jaas.config", "nonsense"),
    (f"{LISTENER}.sasl.enabled.mechanisms", "PLAIN"),
    (f"{LISTENER}.ssl.allow.dn.changes", "true"),
    (f"{LISTENER}.ssl.client.auth", "required"),
    (f"{LISTENER}.ssl.principal.mapping.rules", "DEFAULT"),
]
"""Of many of these nothing comes: Apache keeps what it doesn't know, and what a listener's prefix stands in front of."""


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        *((name, value, ErrorCode.INVALID_REQUEST) for name, value in REFUSED),
        *((name, value, ErrorCode.NONE) for name, value in ACCEPTED),
    ],
)
def test_which_settings_may_be_altered(wire: WireClient, name: str, value: str, code: ErrorCode) -> None:
    """To the letter."""
    resource = altering.AlterConfigsResource(
        resource_type=BROKER,
        resource_name="1",
        configs=[altering.AlterableConfig(name=name, config_operation=SET, value=value)],
    )
    request = altering.IncrementalAlterConfigsRequest(resources=[resource], validate_only=True)
    [answer] = wire.ask(request, altering.IncrementalAlterConfigsResponse, 1).responses
    assert answer.error_code == code, answer.error_message


def test_stores_that_can_be_used_are_shown(broker_kind: str, tmp_path: Path) -> None:
    """To new connections, from the answer on or a little later; not when the change was to be validated alone."""
    made = tls_broker(broker_kind, tmp_path / "stores", OWN)
    with made.broker, WireClient(made.broker.host, made.broker.port) as wire:
        before = made.shown()
        renewed = AUTHORITY.issue("broker", hosts=("localhost", "127.0.0.1", "further.example"))
        path = renewed.write_pem(tmp_path / "renewed.pem")
        assert alter(wire, "keystore.location", path, validate_only=True) == (ErrorCode.NONE, "")
        assert made.shown() == before
        assert alter(wire, "keystore.location", path) == (ErrorCode.NONE, "")
        until(made.shown, lambda shown: shown != before)


@pytest.mark.parametrize("identity", [EXPIRED, STRANGERS.issue("broker")], ids=["expired", "of strangers"])
def test_between_brokers_a_certificate_has_to_hold(
    broker_kind: str, tmp_path: Path, identity: Identity
) -> None:
    """A broker that others would refuse doesn't start."""
    made = tls_broker(broker_kind, tmp_path / "stores", identity, {"inter.broker.listener.name": "TLS"})
    with pytest.raises(RuntimeError, match="can't connect to a server SSLEngine"):
        made.broker.start()


def test_between_brokers_a_renewed_certificate_has_to_hold(broker_kind: str, tmp_path: Path) -> None:
    """An expired one, or one of another authority, is refused; one that both trust is taken."""
    made = tls_broker(broker_kind, tmp_path / "stores", OWN, {"inter.broker.listener.name": "TLS"})
    with made.broker, WireClient(made.broker.host, made.broker.port) as wire:
        before = made.shown()
        hosts = ("localhost", "127.0.0.1")
        for number, identity in enumerate((EXPIRED, STRANGERS.issue("broker", hosts=hosts))):
            path = identity.write_pem(tmp_path / f"refused-{number}.pem")
            code, message = alter(wire, "keystore.location", path)
            assert code == ErrorCode.INVALID_REQUEST, message
        path = AUTHORITY.issue("broker", hosts=hosts).write_pem(tmp_path / "renewed.pem")
        assert alter(wire, "keystore.location", path) == (ErrorCode.NONE, "")
        until(made.shown, lambda shown: shown != before)


def test_for_clients_alone_an_expired_one_is_shown(broker_kind: str, tmp_path: Path) -> None:
    """The broker starts: it is for clients to refuse it."""
    made = tls_broker(broker_kind, tmp_path / "stores", EXPIRED)
    with made.broker, pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
        made.shown()
