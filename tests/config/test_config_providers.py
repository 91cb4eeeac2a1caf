"""Variables in settings: taken from the environment, from files, from directories (KIP-297)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ottla.config.providers import resolved
from ottla.config.sources import SourceError, from_program

PACKAGE = "org.apache.kafka.common.config.provider."


def read(
    settings: dict[str, str], environment: dict[str, str] | None = None, *, kind: str = "EnvVarConfigProvider"
) -> str:
    """What becomes of the setting `x`, with one provider called `p`."""
    given = from_program({"config.providers": "p", "config.providers.p.class": PACKAGE + kind, **settings})
    return {each.name: each.text for each in resolved(given, environment or {})}["x"]


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("${p:NAME}", "value"),
        ("a ${p:NAME} b ${p:NAME}", "a value b value"),
        ("${p:OTHER}", "${p:OTHER}"),
        ("${q:NAME}", "${q:NAME}"),
        ("$NAME ${NAME} {p:NAME}", "$NAME ${NAME} {p:NAME}"),
    ],
)
def test_a_variable_of_the_environment(text: str, becomes: str) -> None:
    """Anywhere in a value, any number of times; what isn't known stays."""
    assert read({"x": text}, {"NAME": "value"}) == becomes


def test_only_allowed_variables() -> None:
    """The whole name has to match."""
    allowed = {"config.providers.p.param.allowlist.pattern": "KAFKA_.*"}
    environment = {"KAFKA_A": "1", "MY_KAFKA_A": "2"}
    assert read({"x": "${p:KAFKA_A}${p:MY_KAFKA_A}", **allowed}, environment) == "1${p:MY_KAFKA_A}"


def test_a_properties_file(tmp_path: Path) -> None:
    """A key of the file; none without a path."""
    file = tmp_path / "secrets.properties"
    file.write_text("password = p\\u00e4ss\n")
    kind = "FileConfigProvider"
    assert read({"x": f"${{p:{file}:password}}"}, kind=kind) == "päss"
    assert read({"x": f"${{p:{file}:absent}}"}, kind=kind) == f"${{p:{file}:absent}}"
    assert read({"x": "${p:password}"}, kind=kind) == "${p:password}"
    with pytest.raises(SourceError, match=r"absent\.properties"):
        read({"x": f"${{p:{tmp_path}/absent.properties:password}}"}, kind=kind)


def test_a_directory_of_secrets(tmp_path: Path) -> None:
    """A file's content as it is, and never of a file elsewhere."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "password").write_text("pass\n")
    (tmp_path / "outside").write_text("no")
    kind, path = "DirectoryConfigProvider", tmp_path / "secrets"
    assert read({"x": f"${{p:{path}:password}}"}, kind=kind) == "pass\n"
    for key in ("../outside", "absent"):
        assert read({"x": f"${{p:{path}:{key}}}"}, kind=kind) == f"${{p:{path}:{key}}}"


@pytest.mark.parametrize("way", ["secrets/../outside.properties", "link.properties"])
def test_allowed_paths(tmp_path: Path, way: str) -> None:
    """Nothing outside of them is read, by whatever way it is named."""
    (tmp_path / "secrets").mkdir()
    for name in ("secrets/inside.properties", "outside.properties"):
        (tmp_path / name).write_text("key=value")
    (tmp_path / "link.properties").symlink_to(tmp_path / "outside.properties")
    allowed = {"config.providers.p.param.allowed.paths": f"{tmp_path}/secrets"}
    inside = {"x": f"${{p:{tmp_path}/secrets/inside.properties:key}}", **allowed}
    assert read(inside, kind="FileConfigProvider") == "value"
    outside = f"${{p:{tmp_path}/{way}:key}}"
    assert read({"x": outside, **allowed}, kind="FileConfigProvider") == outside


def test_a_provider_that_isn_t_one() -> None:
    """Is refused by name, as Apache refuses a class that it can't load."""
    with pytest.raises(SourceError, match=r"config\.providers\.p\.class=.*VaultProvider"):
        read({"x": "y"}, kind="VaultProvider")


def test_without_providers_everything_stays() -> None:
    """A dollar sign means nothing by itself."""
    given = from_program({"x": "${p:NAME}"})
    assert resolved(given, {"NAME": "value"}) == given
