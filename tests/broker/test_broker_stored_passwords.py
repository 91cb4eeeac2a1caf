"""Passwords among the dynamic settings: encoded where they are kept, in use as they are, encoded anew by a new secret."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ottla.broker import stored_passwords
from ottla.cluster.image import ConfigResource, ConfigType
from ottla.config.password_encoder import is_encoded
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import alter_configs as replacing
from ottla.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.storage.disk import PosixDisk
from sasl_client import SaslClient
from wire.wire_client import WireClient

JAAS = "listener.name.inside.plain.sasl.jaas.config"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SETTINGS = {
    "listeners": "PLAINTEXT://127.0.0.1:0,INSIDE://127.0.0.1:0",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,INSIDE:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    JAAS: f'{PLAIN} required user_alice="hunter2";',
    "connection.failed.authentication.delay.ms": "10",
    "password.encoder.iterations": "1024",
}
FIRST, SECOND = {"password.encoder.secret": "first"}, {"password.encoder.secret": "second"}
OLD_FIRST = {"password.encoder.old.secret": "first"}
BOB = f'{PLAIN} required user_bob="bobs-secret";'


@pytest.fixture
def start(start_broker):
    """Start a broker on the data of the last one, which has ended."""
    return lambda *settings: start_broker(
        {name: value for each in (SETTINGS, *settings) for name, value in each.items()}, disk=PosixDisk()
    )


def change(broker, *operations: tuple[str, int, str | None], validate_only: bool = False) -> ErrorCode:
    """Alter settings of broker 1: (name, operation, value)."""
    resource = AlterConfigsResource(
        resource_type=4,
        resource_name="1",
        configs=[
            AlterableConfig(name=name, config_operation=operation, value=value)
            for name, operation, value in operations
        ],
    )
    request = IncrementalAlterConfigsRequest(resources=[resource], validate_only=validate_only)
    with WireClient("127.0.0.1", broker.port) as admin:
        [answer] = admin.ask(request, IncrementalAlterConfigsResponse, 1).responses
    return ErrorCode(answer.error_code)


def stored(broker) -> dict[str, str]:
    """The broker's own settings as its metadata has them."""
    resource = ConfigResource(ConfigType.BROKER, "1")
    return broker.call(lambda server: dict(server.metadata.image.configs.get(resource, {})))


def gets_in(broker, user: str, password: str) -> bool:
    with SaslClient("127.0.0.1", broker.call(lambda server: server.port("INSIDE"))) as client:
        return client.plain(user, password).error_code == ErrorCode.NONE


def metadata_bytes(directory: Path) -> bytes:
    return b"".join(each.read_bytes() for each in directory.glob("logs-metadata/*") if each.is_file())


def test_with_a_secret_no_password_lies_in_the_metadata(start, tmp_path):
    """What was set holds at once and after a restart, and stands in no file."""
    broker = start(FIRST)
    assert change(broker, (JAAS, 0, BOB)) is ErrorCode.NONE
    assert gets_in(broker, "bob", "bobs-secret")
    assert is_encoded(stored(broker)[JAAS])
    broker.stop()
    assert b"bobs-secret" not in metadata_bytes(tmp_path)
    broker = start(FIRST)
    assert gets_in(broker, "bob", "bobs-secret")
    assert not gets_in(broker, "alice", "hunter2")


def test_without_one_they_are_kept_as_they_are(start):
    """As KRaft keeps them; the first start with a secret encodes them."""
    broker = start()
    assert change(broker, (JAAS, 0, BOB)) is ErrorCode.NONE
    assert stored(broker) == {JAAS: BOB}
    broker.stop()
    broker = start(FIRST)
    assert is_encoded(stored(broker)[JAAS])
    assert gets_in(broker, "bob", "bobs-secret")


def test_a_new_secret_encodes_anew(start):
    """Given beside the old one, for one start."""
    broker = start(FIRST)
    assert change(broker, (JAAS, 0, BOB)) is ErrorCode.NONE
    before = stored(broker)[JAAS]
    broker.stop()
    broker = start(SECOND, OLD_FIRST)
    after = stored(broker)[JAAS]
    assert is_encoded(after)
    assert after != before
    assert gets_in(broker, "bob", "bobs-secret")
    broker.stop()
    broker = start(SECOND, OLD_FIRST)
    assert stored(broker)[JAAS] == after
    broker.stop()
    assert gets_in(start(SECOND), "bob", "bobs-secret")


@pytest.mark.parametrize("settings", [SECOND, {}], ids=["another", "none"])
def test_with_the_wrong_secret_they_are_passed_over(start, caplog, settings):
    """With a line in the log; what was given at the start holds, and a new value may be set."""
    broker = start(FIRST)
    assert change(broker, (JAAS, 0, BOB)) is ErrorCode.NONE
    broker.stop()
    with caplog.at_level(logging.ERROR):
        broker = start(settings)
    assert f"Dynamic password config {JAAS} could not be decoded, ignoring" in caplog.text
    assert gets_in(broker, "alice", "hunter2")
    assert not gets_in(broker, "bob", "bobs-secret")
    assert change(broker, (JAAS, 0, BOB)) is ErrorCode.NONE
    assert gets_in(broker, "bob", "bobs-secret")


def test_other_settings_and_deletions_leave_them_alone(start):
    """A change of something else writes no password anew; one that is taken away is gone."""
    broker = start(FIRST)
    assert change(broker, (JAAS, 0, BOB), ("log.cleaner.backoff.ms", 0, "7")) is ErrorCode.NONE
    encoded = stored(broker)[JAAS]
    assert change(broker, ("log.cleaner.backoff.ms", 0, "8")) is ErrorCode.NONE
    assert stored(broker) == {JAAS: encoded, "log.cleaner.backoff.ms": "8"}
    assert change(broker, (JAAS, 0, BOB.replace("bob", "eve")), validate_only=True) is ErrorCode.NONE
    assert stored(broker)[JAAS] == encoded
    assert change(broker, (JAAS, 1, None)) is ErrorCode.NONE
    assert stored(broker) == {"log.cleaner.backoff.ms": "8"}
    assert gets_in(broker, "alice", "hunter2")


def test_the_older_request_replaces_them_encoded(start):
    """AlterConfigs, which names all that is to be set."""
    broker = start(FIRST)
    resource = replacing.AlterConfigsResource(
        resource_type=4, resource_name="1", configs=[replacing.AlterableConfig(name=JAAS, value=BOB)]
    )
    with WireClient("127.0.0.1", broker.port) as admin:
        answer = admin.ask(
            replacing.AlterConfigsRequest(resources=[resource]), replacing.AlterConfigsResponse, 2
        )
    assert answer.responses[0].error_code == ErrorCode.NONE
    assert is_encoded(stored(broker)[JAAS])
    assert gets_in(broker, "bob", "bobs-secret")


def test_what_is_remembered_of_changes_has_a_bound(start, monkeypatch):
    """Past it the ones that are not stored are forgotten; those that are stay in use."""
    monkeypatch.setattr(stored_passwords, "MAX_REMEMBERED", 3)
    broker = start(FIRST)
    for number in range(8):
        assert change(broker, (JAAS, 0, BOB.replace("bobs", f"bobs{number}"))) is ErrorCode.NONE
    assert gets_in(broker, "bob", "bobs7-secret")
    remembered = broker.call(lambda server: len(server.configs._passwords._encoded))
    assert remembered <= 3
