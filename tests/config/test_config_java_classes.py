"""Java classes that would decide something: Apache's own stand for what is built in, any other is refused by name."""

from __future__ import annotations

import pytest

from ottla.config.alter import Change, InvalidRequestError, Operation, alter_broker
from ottla.config.broker_config import broker_config
from ottla.config.catalogue import BROKER_SETTINGS
from ottla.config.checks import InvalidConfigurationError
from ottla.config.definition import Type
from ottla.config.dynamic import is_dynamic, layered
from ottla.config.java_classes import SERVED

OF_A_MECHANISM = (
    "sasl.login.class",
    "sasl.login.callback.handler.class",
    "sasl.server.callback.handler.class",
)
NAMES = [
    *SERVED,
    *(f"listener.name.outside.plain.{name}" for name in OF_A_MECHANISM),
    "listener.name.outside.ssl.engine.factory.class",
    "listener.name.outside.principal.builder.class",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_foreign_class_keeps_the_broker_from_starting(name: str) -> None:
    """Whoever names it counts on it."""
    with pytest.raises(InvalidConfigurationError, match="there are no Java classes to load") as refused:
        broker_config({name: "com.example.Mine"})
    assert f"{name}=com.example.Mine" in str(refused.value)


@pytest.mark.parametrize("name", [name for name in SERVED if is_dynamic(name)])
def test_nor_is_one_taken_while_it_runs(name: str) -> None:
    """For one listener or for all."""
    layers = layered(broker_config(), {}, {})
    for each in (name, f"listener.name.plaintext.{name}"):
        with pytest.raises(InvalidRequestError, match="no Java classes"):
            alter_broker(layers, [Change(Operation.SET, each, "com.example.Mine")], cluster_wide=False)


@pytest.mark.parametrize(
    ("name", "class_name"), [(name, each) for name, classes in SERVED.items() for each in sorted(classes)]
)
def test_apache_s_own_may_be_named(name: str, class_name: str) -> None:
    """Files made for Apache's broker name them."""
    assert not broker_config({name: class_name, f"listener.name.a.{name}": class_name}).warnings


@pytest.mark.parametrize("name", SERVED)
def test_a_setting_s_default_is_among_them(name: str) -> None:
    """A file that writes out a default changes nothing."""
    default = BROKER_SETTINGS[name].default_text
    assert default is None or default in SERVED[name]


def test_every_other_class_is_told_to_have_no_effect() -> None:
    """None is passed over in silence."""
    classes = {name for name, setting in BROKER_SETTINGS.items() if setting.type is Type.CLASS}
    assert {name for name in classes - SERVED.keys() if not BROKER_SETTINGS[name].without_effect} == set()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("password.encoder.cipher.algorithm", "DES/ECB/PKCS5Padding", "AES/CBC/PKCS5Padding"),
        ("password.encoder.keyfactory.algorithm", "ROT13", "PBKDF2WithHmacSHA512"),
        ("password.encoder.key.length", "100", "128, 192, 256"),
    ],
)
def test_ways_of_encoding_that_there_are_not(name: str, value: str, said: str) -> None:
    """Refused where passwords are to be encoded; without a secret nothing depends on it."""
    broker_config({name: value})
    with pytest.raises(InvalidConfigurationError, match=said) as refused:
        broker_config({name: value, "password.encoder.secret": "hunter2"})
    assert "hunter2" not in str(refused.value)
