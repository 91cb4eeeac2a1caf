"""Secrets, wherever they come from, stay inside: no description, printed value, warning or error holds one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ottla.config.alter import Change, InvalidConfigError, InvalidRequestError, Operation, alter_broker
from ottla.config.broker_config import BrokerConfig, build
from ottla.config.catalogue import BROKER_SETTINGS
from ottla.config.checks import InvalidConfigurationError
from ottla.config.describe import describe_broker, describe_cluster_default
from ottla.config.dynamic import BrokerLayers, is_dynamic
from ottla.config.providers import resolved
from ottla.config.sources import from_program
from ottla.config.values import Type

SECRET = "hunter2-with-a-tail"
PROVIDERS = "org.apache.kafka.common.config.provider."
PASSWORDS = [name for name, setting in BROKER_SETTINGS.items() if setting.type is Type.PASSWORD]
NAMES = [
    *PASSWORDS,
    *(f"listener.name.external.{name}" for name in PASSWORDS if name.startswith(("ssl.", "sasl."))),
    "listener.name.external.plain.sasl.jaas.config",
    "some.plugin.of.mine.password",
]
"""The last one is nobody's setting, so that nobody can tell whether it is a secret."""


def config_with(settings: dict[str, str], kind: str, tmp_path: Path) -> BrokerConfig:
    """A broker's settings, with `{secret}` in a value standing where the provider would put it."""
    match kind:
        case "given":
            variable = SECRET
        case "file":
            (tmp_path / "secrets.properties").write_text(f"one={SECRET}\n")
            variable = f"${{p:{tmp_path}/secrets.properties:one}}"
        case "directory":
            (tmp_path / "one").write_text(SECRET)
            variable = f"${{p:{tmp_path}:one}}"
        case _:
            variable = "${p:ONE}"
    given = {
        "config.providers": "p",
        "config.providers.p.class": PROVIDERS
        + {"file": "FileConfigProvider", "directory": "DirectoryConfigProvider"}.get(
            kind, "EnvVarConfigProvider"
        ),
        "log.dirs": str(tmp_path),
        **{name: text.replace("{secret}", variable) for name, text in settings.items()},
    }
    return build(resolved(from_program(given), {"ONE": SECRET}))


def everything_shown(config: BrokerConfig, per_broker: dict[str, str] | None = None) -> str:
    """All that is told of the settings."""
    layers = BrokerLayers(config, {}, per_broker or {})
    shown = [describe_broker(layers), describe_cluster_default(per_broker or {})]
    return f"{shown!r} {config!r} {config.values!r} {config.warnings!r}"


@pytest.mark.parametrize("kind", ["given", "file", "directory", "environment"])
def test_every_secret_of_a_broker(kind: str, tmp_path: Path) -> None:
    """By each provider, for all listeners and for one, the broker's own and those of nobody it knows."""
    config = config_with(dict.fromkeys(NAMES, "{secret}"), kind, tmp_path)
    rows = {row.name: row for row in describe_broker(BrokerLayers(config, {}, {}))}
    for name in NAMES:
        row = rows[name]
        assert (row.value, row.sensitive) == (None, True), name
        assert all(synonym.value is None for synonym in row.synonyms), name
    assert SECRET not in everything_shown(config)
    assert getattr(config.values["delegation.token.secret.key"], "secret", None) == SECRET


@pytest.mark.parametrize("name", NAMES)
def test_errors_about_other_settings(name: str, tmp_path: Path) -> None:
    """A start that fails tells what is wrong, and nothing of what is right."""
    with pytest.raises(InvalidConfigurationError) as refused:
        config_with({name: "{secret}", "num.partitions": "none"}, "file", tmp_path)
    assert "num.partitions" in str(refused.value)
    assert SECRET not in str(refused.value)
    assert SECRET not in repr(refused.value)


@pytest.mark.parametrize("name", [name for name in NAMES if is_dynamic(name)])
def test_secrets_set_while_the_broker_runs(name: str, tmp_path: Path) -> None:
    """Neither what is set nor why it can't be."""
    config = config_with({}, "given", tmp_path)
    layers = BrokerLayers(config, {}, {})
    outcomes = []
    for cluster_wide in (False, True):
        for changes in (
            [Change(Operation.SET, name, SECRET)],
            [Change(Operation.SET, name, SECRET), Change(Operation.SET, "max.connections", "none")],
            [Change(Operation.APPEND, name, SECRET)],
        ):
            try:
                stored, _ = alter_broker(layers, changes, cluster_wide=cluster_wide)
            except (InvalidConfigError, InvalidRequestError, InvalidConfigurationError) as error:
                outcomes.append(f"{error} {error!r}")
            else:
                outcomes.append(everything_shown(config, dict(stored)))
    assert SECRET not in " ".join(outcomes)
