"""Values that stand elsewhere than in the settings: `${provider:path:key}` and `${provider:key}` (KIP-297).

    config.providers=env,files
    config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
    config.providers.files.class=org.apache.kafka.common.config.provider.FileConfigProvider
    config.providers.files.param.allowed.paths=/etc/secrets
    ssl.keystore.password=${files:/etc/secrets/tls.properties:keystore.password}

What isn't found stays as it is written, as at Apache: the setting's own rules complain of it then.

Source: Apache's ConfigTransformer, AbstractConfig.resolveConfigVariables, and the three providers of the same names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from ottla.config.sources import Given, SourceError, read_properties_file

Lookup: TypeAlias = Callable[[str, str], str | None]
"""(path, key) → value; the path is empty in the form without one."""

_VARIABLE: Final = re.compile(r"\$\{([^}]*?):(?:([^}]*?):)?([^}]*?)\}")
_PACKAGE: Final = "org.apache.kafka.common.config.provider."
_PREFIX: Final = "config.providers"


def resolved(given: Iterable[Given], environment: Mapping[str, str]) -> list[Given]:
    """The settings with every variable replaced that a provider knows; raises `SourceError`."""
    given = list(given)
    texts = {each.name: each.text for each in given}
    names = [name.strip() for name in texts.get(_PREFIX, "").split(",") if name.strip()]
    if not names:
        return given
    lookups = {name: _provider(name, texts, environment) for name in names}

    def value_of(variable: re.Match[str]) -> str:
        provider, path, key = variable.groups(default="")
        value = lookups[provider](path, key) if provider in lookups else None
        return variable.group(0) if value is None else value

    return [each._replace(text=_VARIABLE.sub(value_of, each.text)) for each in given]


def _provider(name: str, texts: Mapping[str, str], environment: Mapping[str, str]) -> Lookup:
    setting = f"{_PREFIX}.{name}.class"
    kind = texts.get(setting, "").strip().removeprefix(_PACKAGE)
    paths = texts.get(f"{_PREFIX}.{name}.param.allowed.paths")
    allowed = None if not paths else [Path(part.strip()) for part in paths.split(",") if part.strip()]
    match kind:
        case "EnvVarConfigProvider":
            return _variables(environment, texts.get(f"{_PREFIX}.{name}.param.allowlist.pattern"))
        case "FileConfigProvider":
            return _files(allowed)
        case "DirectoryConfigProvider":
            return _directories(allowed)
    raise SourceError(
        f"{setting}={texts.get(setting, '')}: has to be one of {_PACKAGE}EnvVarConfigProvider, FileConfigProvider "
        "and DirectoryConfigProvider"
    )


def _variables(environment: Mapping[str, str], pattern: str | None) -> Lookup:
    try:
        expression = None if pattern is None else re.compile(pattern)
    except re.error as error:
        raise SourceError(f"param.allowlist.pattern={pattern}: {error}") from error

    def look_up(path: str, key: str) -> str | None:
        if path:
            raise SourceError(f"a variable of the environment has no path: {path}")
        if expression is not None and not expression.fullmatch(key):
            return None
        return environment.get(key)

    return look_up


def _files(allowed: list[Path] | None) -> Lookup:
    read: dict[str, dict[str, str]] = {}

    def look_up(path: str, key: str) -> str | None:
        if not path or not _is_allowed(path, allowed):
            return None
        if path not in read:
            read[path] = {each.name: each.text for each in read_properties_file(Path(path))}
        return read[path].get(key)

    return look_up


def _directories(allowed: list[Path] | None) -> Lookup:
    def look_up(path: str, key: str) -> str | None:
        file = Path(path) / key
        if not path or not _is_allowed(path, allowed) or file.parent != Path(path) or not file.is_file():
            return None
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{file}: {error}") from error

    return look_up


def _is_allowed(path: str, allowed: list[Path] | None) -> bool:
    """Whether the path lies below one of those allowed, links and dots resolved."""
    if allowed is None:
        return True
    place = Path(path).resolve()
    return any(place.is_relative_to(each.resolve()) for each in allowed)
