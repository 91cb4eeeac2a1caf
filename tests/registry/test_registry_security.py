"""The registry asks who somebody is, and speaks TLS."""

from __future__ import annotations

import base64
import hashlib
import http.client
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from brokers import Broker
from certificates import PASSWORD, Authority
from conditions import until
from identity_provider import IdentityProvider
from ottla.security.rest_login import BasicLogin, NotAllowed, Refused, UserFileError, clear_text
from registries import RegistryProcess, record

USERS = f"""
# name: password, roles
alice: alice-secret,admin,developer
bob: MD5:{hashlib.md5(b"bob:secret").hexdigest()}, developer
carol: OBF:1vny1zlo1x8e1vnw1vn61x8g1zlu1vn4,developer
guest: guest-secret
"""


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "user"),
    [
        (basic("alice", "alice-secret"), "alice"),
        (basic("alice", "alice-secret").replace("Basic", "basic"), "alice"),
        (basic("bob", "bob:secret"), "bob"),
        (basic("carol", "storepwd"), "carol"),
        (basic("guest", "guest-secret"), NotAllowed),
        (basic("guest", "wrong"), Refused),
        (basic("alice", "bob:secret"), Refused),
        (basic("alice", ""), Refused),
        (basic("bob", hashlib.md5(b"bob:secret").hexdigest()), Refused),
        (basic("nobody", "\0"), Refused),
        (basic("", ""), Refused),
        ("", Refused),
        ("Basic", Refused),
        ("Basic !", Refused),
        ("Basic YWxpY2U=", Refused),
        ("Basic //79", Refused),
        ("Bearer abc", Refused),
        ("Basic " + "A" * 100_000, Refused),
    ],
)
def test_who_a_header_stands_for(authorization: str, user: str | type[Exception]) -> None:
    """By a password as it is, by its MD5, by one that is obfuscated; with one of the roles."""
    login = BasicLogin.from_text(USERS, ["admin", "developer"])
    if isinstance(user, str):
        assert login.user(authorization) == user
    else:
        with pytest.raises(user):
            login.user(authorization)


@pytest.mark.parametrize("roles", ["*", "**"])
def test_every_user_may_come_in_where_no_roles_are_named(roles: str) -> None:
    """`*` is the default; `**` is what many files have."""
    assert BasicLogin.from_text(USERS, [roles]).user(basic("guest", "guest-secret")) == "guest"


@pytest.mark.parametrize("line", ["dave: CRYPT:adpexzg3FUZAk", "dave: OBF:secret-1", "dave: OBF:~~~~"])
def test_passwords_that_can_not_be_checked_are_told(line: str) -> None:
    """By user, and without the password."""
    with pytest.raises(UserFileError, match="dave") as refused:
        BasicLogin.from_text(line, ["*"])
    assert line.partition(": ")[2] not in str(refused.value)


def test_obfuscated_passwords() -> None:
    """As Jetty writes them, beyond ASCII too."""
    assert clear_text("OBF:1vny1zlo1x8e1vnw1vn61x8g1zlu1vn4") == "storepwd"
    assert clear_text("") == ""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users, the JAAS file that names them, an authority, the registry's certificate, a client's."""
    folder = tmp_path_factory.mktemp("secured")
    (folder / "users").write_text(USERS)
    module = "org.eclipse.jetty.jaas.spi.PropertyFileLoginModule"
    (folder / "jaas").write_text(
        f'Props {{\n  {module} required file="{folder / "users"}" debug="false";\n}};\n'
    )
    authority = Authority()
    authority.write_pem(folder / "authority.pem")
    authority.issue("registry").write_pkcs12(folder / "registry.p12")
    authority.issue("client").write_pem(folder / "client.pem")
    return folder


@pytest.fixture(scope="module")
def settings(files: Path, unique_name: Callable[[str], str]) -> dict[str, str]:
    name = unique_name("secured")
    return {
        "kafkastore.topic": f"_schemas-{name}",
        "schema.registry.group.id": name,
        "listeners": "https://127.0.0.1:0,http://127.0.0.1:0",
        "authentication.method": "BASIC",
        "authentication.realm": "Props",
        "authentication.roles": "admin,developer",
        "java.security.auth.login.config": str(files / "jaas"),
        "ssl.keystore.location": str(files / "registry.p12"),
        "ssl.keystore.password": PASSWORD,
        "ssl.keystore.type": "PKCS12",
        "ssl.truststore.location": str(files / "authority.pem"),
        "ssl.truststore.type": "PEM",
    }


@pytest.fixture(scope="module")
def secured(broker: Broker, files: Path, settings: dict[str, str]) -> Iterator[RegistryProcess]:
    with RegistryProcess(broker.bootstrap_servers, files / "output.log", settings) as running:
        yield running


def client(registry: RegistryProcess, files: Path, user: str = "alice:alice-secret") -> SchemaRegistryClient:
    return SchemaRegistryClient(
        {
            "url": f"https://127.0.0.1:{registry.port}",
            "ssl.ca.location": str(files / "authority.pem"),
            "basic.auth.user.info": user,
            "max.retries": 0,
        }
    )


def get(
    registry: RegistryProcess, files: Path, authorization: str | None, path: str = "/subjects"
) -> http.client.HTTPResponse:
    context = ssl.create_default_context(cafile=str(files / "authority.pem"))
    connection = http.client.HTTPSConnection("127.0.0.1", registry.port, timeout=30, context=context)
    headers = {} if authorization is None else {"Authorization": authorization}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.content = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def test_confluents_client_logs_in_over_tls(
    secured: RegistryProcess, files: Path, unique_name: Callable[[str], str]
) -> None:
    """And is refused with another password, and as a user who has none of the roles."""
    subject = unique_name("orders")
    with client(secured, files) as alice:
        assert alice.register_schema(subject, Schema(record("R", ("a", "int")), "AVRO")) == 1
    for user, error in [("alice:wrong", (401, 40101)), ("guest:guest-secret", (403, 40301))]:
        with client(secured, files, user) as other, pytest.raises(SchemaRegistryError) as refused:
            other.get_versions(subject)
        assert (refused.value.http_status_code, refused.value.error_code) == error


def test_nothing_is_told_to_who_is_not_logged_in(secured: RegistryProcess, files: Path) -> None:
    """Whatever is asked for, 401 names the realm; no password stands in an answer or in the log."""
    for path in ("/", "/subjects", "/nowhere", "/schemas/ids/1"):
        answer = get(secured, files, None, path)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="Props"'
        assert b"40101" in answer.content  # type: ignore[attr-defined]
    assert get(secured, files, basic("bob", "bob:secret")).status == 200
    assert get(secured, files, basic("alice", "guessed-secret")).status == 401
    for secret in ("alice-secret", "guessed-secret", "bob:secret", "storepwd", PASSWORD):
        assert secret not in secured.log()


def test_a_listener_of_tls_speaks_nothing_else(secured: RegistryProcess) -> None:
    """HTTP there ends the connection, and the registry goes on."""
    connection = http.client.HTTPConnection("127.0.0.1", secured.port, timeout=30)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        connection.request("GET", "/subjects")
        connection.getresponse()
    connection.close()
    assert secured.process is not None
    assert secured.process.poll() is None


def test_writes_are_passed_on_over_tls_with_certificates(
    broker: Broker,
    secured: RegistryProcess,
    files: Path,
    settings: dict[str, str],
    unique_name: Callable[[str], str],
) -> None:
    """A second registry, which wants certificates of its clients and may not write, passes on a write with its log-in."""
    more = {
        **settings,
        "leader.eligibility": "false",
        "ssl.client.authentication": "REQUIRED",
        "listeners": "https://127.0.0.1:0",
    }
    with RegistryProcess(broker.bootstrap_servers, files / "second.log", more) as second:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            get(second, files, basic("alice", "alice-secret"))
        context = ssl.create_default_context(cafile=str(files / "authority.pem"))
        context.load_cert_chain(files / "client.pem")

        def write() -> int:
            connection = http.client.HTTPSConnection("127.0.0.1", second.port, timeout=60, context=context)
            connection.request(
                "PUT",
                f"/config/{unique_name('s')}",
                b'{"compatibility": "FULL"}',
                {"Authorization": basic("alice", "alice-secret"), "Content-Type": "application/json"},
            )
            status = connection.getresponse().status
            connection.close()
            return status

        until(write, lambda status: status == 200)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"java.security.auth.login.config": "/nowhere"},
            "java.security.auth.login.config: /nowhere can't be read",
        ),
        ({"authentication.realm": "Other"}, "authentication.realm"),
        ({"authentication.method": "DIGEST"}, "authentication.method"),
        ({"authentication.method": "BEARER"}, "oauthbearer.jwks.endpoint.url"),
        ({"ssl.keystore.password": "hunter2"}, "ssl.keystore"),
        ({"ssl.keystore.location": ""}, "ssl.keystore.location"),
    ],
    ids=["file", "realm", "method", "keys", "password", "store"],
)
def test_a_registry_that_can_not_be_secured_does_not_start(
    broker: Broker, tmp_path: Path, settings: dict[str, str], changed: dict[str, str], told: str
) -> None:
    """It names the setting to mend, and no secret."""
    with pytest.raises(RuntimeError, match=told) as refused:
        RegistryProcess(broker.bootstrap_servers, tmp_path / "output.log", {**settings, **changed}).start()
    assert "hunter2" not in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_tokens_of_an_identity_provider(
    broker: Broker, tmp_path: Path, unique_name: Callable[[str], str]
) -> None:
    """Its own let in, with a scope that is asked for; those of others, those that are over and those for others don't."""
    name = unique_name("tokens")
    with IdentityProvider() as provider:
        claims = provider.claims()
        settings = {
            "kafkastore.topic": f"_schemas-{name}",
            "schema.registry.group.id": name,
            "authentication.method": "BEARER",
            "authentication.realm": "tokens",
            "authentication.roles": "schemas",
            "oauthbearer.jwks.endpoint.url": provider.jwks_url,
            "oauthbearer.expected.issuer": str(claims["iss"]),
            "oauthbearer.expected.audience": str(claims["aud"]),
        }
        with RegistryProcess(broker.bootstrap_servers, tmp_path / "output.log", settings) as running:
            token = provider.token(scope="schemas other")
            assert running.get("/subjects", Authorization=f"Bearer {token}").status == 200
            with SchemaRegistryClient(
                {
                    "url": running.url,
                    "bearer.auth.credentials.source": "STATIC_TOKEN",
                    "bearer.auth.token": token,
                    "bearer.auth.logical.cluster": "lsrc-1",
                    "bearer.auth.identity.pool.id": "pool-1",
                }
            ) as client:
                assert client.get_subjects() == []
            refused = [
                token[:-8] + "AAAAAAAA",
                provider.token(scope="schemas", aud="others"),
                provider.token(scope="schemas", iss="others"),
                provider.token(scope="schemas", exp=1_000_000_000),
                "",
                "a.b.c",
            ]
            for other in refused:
                answer = running.get("/subjects", Authorization=f"Bearer {other}")
                assert answer.error == (401, 40101), other
                assert answer.headers["www-authenticate"] == 'Bearer realm="tokens"'
            assert running.get("/subjects").error == (401, 40101)
            without_scope = provider.token(scope="other")
            assert running.get("/subjects", Authorization=f"Bearer {without_scope}").error == (403, 40301)
            assert token not in running.log()
