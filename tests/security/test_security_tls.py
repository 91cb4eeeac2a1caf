"""A listener's TLS context: which versions and suites it speaks, whom it lets in, who they are."""

from __future__ import annotations

import socket
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.x509.oid import NameOID

from certificates import KEY_PASSWORD, PASSWORD, Authority, Identity, pem, subject
from ottla.config.broker_config import broker_config
from ottla.config.checks import InvalidConfigurationError
from ottla.config.endpoints import SecurityProtocol
from ottla.config.listener_settings import ListenerSettings
from ottla.security.key_stores import StoreError, StoreSettings
from ottla.security.principal import ANONYMOUS, KafkaPrincipal
from ottla.security.principal_mapping import NoRuleFits
from ottla.security.tls import ServerTls, UnwantedSuite, failure, server_tls
from ottla.security.tls_ciphers import openssl_name
from ottla.security.tls_settings import TlsSettings, tls_settings

AUTHORITY = Authority()
STRANGERS = Authority("Strangers")
BROKER = AUTHORITY.issue("broker")
ALICE = AUTHORITY.issue(subject((NameOID.ORGANIZATION_NAME, "Acme"), (NameOID.COMMON_NAME, "alice")))

SETTINGS = TlsSettings(
    keystore=StoreSettings(
        subject="keystore", type="PEM", location="", certificates=BROKER.chain_pem(), key=BROKER.key_pem()
    ),
    truststore=StoreSettings(subject="truststore", type="PEM", location="", certificates=AUTHORITY.pem()),
)


def shake(
    tls: ServerTls, directory: Path, identity: Identity | None = None, **versions: ssl.TLSVersion
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """A handshake in memory: both sides' sessions. Raises what either side says."""
    client_context = ssl.create_default_context(cadata=AUTHORITY.pem())
    for name, version in versions.items():
        setattr(client_context, name, version)
    if identity is not None:
        client_context.load_cert_chain(identity.write_pem(directory / "client.pem"))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = tls.context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname="localhost")
    waiting = [client, server]
    while waiting:
        for each in list(waiting):
            try:
                each.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(each)
    return server, client


def test_a_client_that_shows_nothing_is_anonymous(tmp_path: Path) -> None:
    """As on a plain listener."""
    tls = server_tls(SETTINGS)
    server, client = shake(tls, tmp_path)
    assert tls.principal(server) == ANONYMOUS
    assert client.version() == "TLSv1.3"


@pytest.mark.parametrize("client_auth", ["requested", "required"])
def test_a_certificate_tells_who_it_is(tmp_path: Path, client_auth: str) -> None:
    """By its distinguished name, or by what the rules make of it."""
    tls = server_tls(replace(SETTINGS, client_auth=client_auth))
    server, _ = shake(tls, tmp_path, ALICE)
    assert tls.principal(server) == KafkaPrincipal("User", "CN=alice,O=Acme")
    mapped = server_tls(
        replace(SETTINGS, client_auth=client_auth, principal_mapping_rules="RULE:^CN=(.*?),.*$/$1/U")
    )
    server, _ = shake(mapped, tmp_path, ALICE)
    assert mapped.principal(server) == KafkaPrincipal("User", "ALICE")
    nobody = server_tls(
        replace(SETTINGS, client_auth=client_auth, principal_mapping_rules="RULE:^CN=bob$/$0/")
    )
    server, _ = shake(nobody, tmp_path, ALICE)
    with pytest.raises(NoRuleFits):
        nobody.principal(server)


def test_who_may_show_nothing_need_not(tmp_path: Path) -> None:
    """`requested` lets in whoever has no certificate, and no one with a wrong one."""
    tls = server_tls(replace(SETTINGS, client_auth="requested"))
    server, _ = shake(tls, tmp_path)
    assert tls.principal(server) == ANONYMOUS
    with pytest.raises(ssl.SSLCertVerificationError) as raised:
        shake(tls, tmp_path, STRANGERS.issue("mallory"))
    assert failure(raised.value).startswith("the client's certificate is refused: ")


def test_who_must_show_a_certificate_is_refused_without(tmp_path: Path) -> None:
    """`required`, and what the log says of it."""
    tls = server_tls(replace(SETTINGS, client_auth="required"))
    with pytest.raises(ssl.SSLError) as raised:
        shake(tls, tmp_path)
    assert failure(raised.value) == "the client showed no certificate (ssl.client.auth=required)"


@pytest.mark.parametrize(
    ("identity", "said"),
    [
        (STRANGERS.issue("mallory"), "the client's certificate is refused: "),
        (
            AUTHORITY.issue("alice", valid_from_days=-9, valid_for_days=-1),
            "the client's certificate is refused: certificate has expired",
        ),
        (
            AUTHORITY.issue("alice", valid_from_days=1),
            "the client's certificate is refused: certificate is not yet valid",
        ),
    ],
)
def test_wrong_certificates_are_refused(tmp_path: Path, identity: Identity, said: str) -> None:
    """Another authority's, one whose time is over, one whose time has not come."""
    tls = server_tls(replace(SETTINGS, client_auth="required"))
    with pytest.raises(ssl.SSLCertVerificationError) as raised:
        shake(tls, tmp_path, identity)
    assert failure(raised.value).startswith(said)


def test_a_certificate_is_trusted_by_itself(tmp_path: Path) -> None:
    """A trust store may hold a client's own certificate, whoever signed it, as in Java."""
    bob = STRANGERS.issue("bob")
    own = replace(SETTINGS.truststore, certificates=pem(bob.certificate))
    tls = server_tls(replace(SETTINGS, client_auth="required", truststore=own))
    server, _ = shake(tls, tmp_path, bob)
    assert tls.principal(server).name == "CN=bob"
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(tls, tmp_path, STRANGERS.issue("eve"))


@pytest.mark.parametrize(
    ("enabled", "spoken"),
    [
        (("TLSv1.2", "TLSv1.3"), "TLSv1.3"),
        (("TLSv1.3",), "TLSv1.3"),
        (("TLSv1.2",), "TLSv1.2"),
        (("TLSv1.3", "TLSv1.2"), "TLSv1.3"),
    ],
)
def test_versions_are_those_enabled(tmp_path: Path, enabled: tuple[str, ...], spoken: str) -> None:
    """The newest one enabled is spoken with a client that knows all."""
    server, _ = shake(server_tls(replace(SETTINGS, enabled_protocols=enabled)), tmp_path)
    assert server.version() == spoken


def test_a_client_of_another_version_is_refused(tmp_path: Path) -> None:
    """Older than what is enabled."""
    tls = server_tls(replace(SETTINGS, enabled_protocols=("TLSv1.3",)))
    with pytest.raises(ssl.SSLError) as raised:
        shake(tls, tmp_path, maximum_version=ssl.TLSVersion.TLSv1_2)
    assert failure(raised.value) == "the client speaks none of the versions in ssl.enabled.protocols"


@pytest.mark.parametrize(
    ("suites", "version", "cipher"),
    [
        (("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",), "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (
            ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",),
            "TLSv1.2",
            "ECDHE-ECDSA-CHACHA20-POLY1305",
        ),
        (("ECDHE-ECDSA-AES256-GCM-SHA384",), "TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        (
            ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"),
            "TLSv1.3",
            "TLS_AES_256_GCM_SHA384",
        ),
    ],
)
def test_suites_are_those_named(tmp_path: Path, suites: tuple[str, ...], version: str, cipher: str) -> None:
    """By Java's names or OpenSSL's; a version without a suite isn't spoken."""
    server, _ = shake(server_tls(replace(SETTINGS, cipher_suites=suites)), tmp_path)
    assert server.version() == version
    used = server.cipher()
    assert used is not None
    assert used[0] == cipher


def test_suites_of_tls_1_3_may_be_fewer(tmp_path: Path) -> None:
    """The strongest alone: whoever knows it gets it, though liking others more; who doesn't is refused."""
    tls = server_tls(
        replace(SETTINGS, cipher_suites=("TLS_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"))
    )
    server, _ = shake(tls, tmp_path)
    assert server.version() == "TLSv1.3"
    tls.check(server)
    (tmp_path / "ca.pem").write_text(AUTHORITY.pem())
    for offered, allowed in (
        ("TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384", True),
        ("TLS_AES_128_GCM_SHA256", False),
    ):
        session = shake_with_openssl(tls, tmp_path / "ca.pem", offered)
        if allowed:
            tls.check(session)
        else:
            with pytest.raises(UnwantedSuite, match="but TLS_AES_128_GCM_SHA256"):
                tls.check(session)


def shake_with_openssl(tls: ServerTls, ca: Path, suites: str) -> ssl.SSLObject:
    """A handshake with `openssl s_client`, since Python's own client can't choose suites of TLS 1.3."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = tls.context.wrap_bio(incoming, outgoing, server_side=True)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        port = listening.getsockname()[1]
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", str(ca)]
        with subprocess.Popen(
            [*command, "-ciphersuites", suites],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as client:
            try:
                connection, _ = listening.accept()
                with connection:
                    while True:
                        try:
                            session.do_handshake()
                        except ssl.SSLWantReadError:
                            connection.sendall(outgoing.read())
                            received = connection.recv(65536)
                            assert received
                            incoming.write(received)
                        else:
                            return session
            finally:
                client.kill()


@pytest.mark.parametrize(
    ("changes", "setting", "said"),
    [
        ({"cipher_suites": ("TLS_NO_SUCH_SUITE",)}, "ssl.cipher.suites", "Unsupported CipherSuite: TLS_NO"),
        (
            {"cipher_suites": ("TLS_AES_128_GCM_SHA256",)},
            "ssl.cipher.suites",
            "and not TLS_AES_256_GCM_SHA384, which Python's ssl module can't leave out",
        ),
        (
            {
                "cipher_suites": ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",),
                "enabled_protocols": ("TLSv1.3",),
            },
            "ssl.cipher.suites",
            "names no suite for the versions in ssl.enabled.protocols",
        ),
        ({"enabled_protocols": ("SSLv3",)}, "ssl.enabled.protocols", "SSLv3 is none of TLSv1"),
        (
            {"enabled_protocols": ("TLSv1.1", "TLSv1.3")},
            "ssl.enabled.protocols",
            "leaves out a version between others",
        ),
        (
            {"principal_mapping_rules": "RULE:(/x/"},
            "ssl.principal.mapping.rules",
            "Invalid rule: `RULE:(/x/`",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, object], setting: str, said: str) -> None:
    """By name, when the context is made."""
    with pytest.raises(StoreError) as raised:
        server_tls(replace(SETTINGS, **changes))
    assert raised.value.setting == setting
    assert said in raised.value.reason


def test_suites_have_openssls_names() -> None:
    """Of all suites that OpenSSL knows, but those of passwords and shared keys, which Java has not."""
    listed = subprocess.run(
        ["openssl", "ciphers", "-stdname", "-v", "ALL:COMPLEMENTOFALL"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = {line.split()[0]: line.split()[2] for line in listed.splitlines() if " - " in line}
    kept = {java: own for java, own in names.items() if "PSK" not in java and "SRP" not in java}
    assert len(kept) > 50
    assert {java: openssl_name(java) for java in kept} == kept


def test_openssl_refusing_a_certificate_is_told() -> None:
    """A key too short for OpenSSL's security level."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    weak = AUTHORITY.issue("weak", key=rsa.generate_private_key(65537, 1024))
    store = replace(SETTINGS.keystore, certificates=weak.chain_pem(), key=weak.key_pem())
    with pytest.raises(StoreError, match=r"ssl\.keystore\.certificate\.chain: OpenSSL refuses"):
        server_tls(replace(SETTINGS, keystore=store))


# The settings


def test_a_listener_has_settings_of_its_own() -> None:
    """With its prefix before the broker's; without it what the broker's say."""
    config = broker_config(
        {
            "log.dirs": "/nowhere",
            "listeners": "PLAINTEXT://:0,SSL://:1,INSIDE://:2",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SSL:SSL,INSIDE:SSL",
            "ssl.keystore.location": "/outside.p12",
            "ssl.keystore.password": PASSWORD,
            "ssl.client.auth": "required",
            "listener.name.inside.ssl.keystore.location": "/inside.p12",
            "listener.name.inside.ssl.keystore.password": KEY_PASSWORD,
            "listener.name.inside.ssl.client.auth": "none",
            "listener.name.inside.ssl.enabled.protocols": "TLSv1.3",
        }
    )
    outside = tls_settings(ListenerSettings(config, "SSL"), SecurityProtocol.SSL)
    inside = tls_settings(ListenerSettings(config, "INSIDE"), SecurityProtocol.SSL)
    assert (outside.keystore.location, outside.keystore.password) == ("/outside.p12", PASSWORD)
    assert (inside.keystore.location, inside.keystore.password) == ("/inside.p12", KEY_PASSWORD)
    assert (outside.client_auth, inside.client_auth) == ("required", "none")
    assert inside.enabled_protocols == ("TLSv1.3",)


def test_certificates_beside_sasl_are_asked_for_by_the_listeners_own_setting() -> None:
    """The broker's own `ssl.client.auth` doesn't hold there (KIP-684)."""
    given = {
        "log.dirs": "/nowhere",
        "ssl.client.auth": "required",
        "ssl.keystore.location": "/x",
        "ssl.keystore.password": PASSWORD,
    }
    plain = ListenerSettings(broker_config(given), "SASL_SSL")
    own = ListenerSettings(
        broker_config({**given, "listener.name.sasl_ssl.ssl.client.auth": "requested"}), "SASL_SSL"
    )
    assert tls_settings(plain, SecurityProtocol.SASL_SSL).client_auth == "none"
    assert tls_settings(own, SecurityProtocol.SASL_SSL).client_auth == "requested"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "ssl.keystore.location (default): has to be set"),
        (
            {"ssl.keystore.location": "/x"},
            "ssl.keystore.password (default): SSL key store is specified, but key store password is not",
        ),
        (
            {"ssl.keystore.key": "secret key"},
            "SSL private key is specified, but certificate chain is not specified.",
        ),
        (
            {"ssl.keystore.key": "secret key", "ssl.keystore.certificate.chain": "x"},
            "SSL private key can be specified only for PEM, but key store type is JKS.",
        ),
        (
            {"listener.name.ssl.ssl.keystore.certificate.chain": "x", "ssl.keystore.type": "PEM"},
            "SSL certificate chain is specified, but private key is not specified",
        ),
        (
            {
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": "/x",
                "listener.name.ssl.ssl.keystore.password": "store secret",
            },
            "listener.name.ssl.ssl.keystore.password=[hidden] (program): SSL key store password cannot be specified",
        ),
        ({"ssl.keystore.type": "BKS"}, "ssl.keystore.type=BKS (program): has to be one of JKS, PKCS12, PEM"),
        (
            {"ssl.truststore.certificates": "x"},
            "SSL trust store certs can be specified only for PEM, but trust store type is JKS.",
        ),
        (
            {"ssl.truststore.password": "store secret"},
            "SSL trust store is not specified, but trust store password is specified.",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, str], said: str) -> None:
    """All without looking at a file, with Apache's words, and no secret among them."""
    given = {
        "log.dirs": "/nowhere",
        "listeners": "PLAINTEXT://:0,SSL://:1",
        **settings,
    }
    with pytest.raises(InvalidConfigurationError) as raised:
        broker_config(given)
    assert said in str(raised.value)
    assert "secret key" not in str(raised.value)
    assert "store secret" not in str(raised.value)
