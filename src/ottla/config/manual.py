"""The manual of settings, `docs/configuration.md`, printed from the declarations: `python -m ottla.config.manual`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from ottla.config import group_settings, quota_settings, topic_settings
from ottla.config.catalogue import BROKER_FAMILIES
from ottla.config.definition import Setting
from ottla.config.topic_settings import DEFAULTS_FROM
from ottla.config.values import DOUBLE_MAX, INT_MAX, LONG_MAX

_INTRODUCTION = """\
# Settings

Ottla takes every setting of Apache Kafka 4.1.1 under Apache's name, with Apache's type, default and range; the settings of
ZooKeeper and of the protocol between brokers are Apache Kafka 3.9.1's. What begins with `ottla.` is Ottla's own. This page
is printed from the code by `python -m ottla.config.manual`.

A broker reads, each going before the ones in front of it:

1. the file of `ottla broker server.properties`, a Java properties file;
2. environment variables `KAFKA_…`, as Apache's image reads them: `KAFKA_LOG_RETENTION_MS` is `log.retention.ms`; two
   underscores stand for one, three for a dash;
3. `--set log.retention.ms=1000`, as often as needed.

All faults are told at once, each with the value, the rule and where it came from. A setting that changes nothing here, or
that isn't known, is accepted with one warning, so that files and compose files made for Apache Kafka start. Refused are
those that someone would count on and not get: ZooKeeper, Java classes that decide something, tiered storage.

While a broker runs, `ottla config set` changes what isn't *read-only*: *cluster-wide* settings for all brokers or for one,
*per-broker* ones for one. A broker's value is the first of: its own dynamic one, the cluster-wide dynamic one, the one given
at the start, the default. A setting of one listener has `listener.name.NAME.` in front.
"""


def manual() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield "## Settings of a broker\n"
    for family in BROKER_FAMILIES:
        yield from _chapter(3, _heading(family.__doc__), family.SETTINGS, with_update=True)
    yield from _chapter(3, "Only while the broker runs", quota_settings.BROKER_QUOTAS, with_update=True)
    yield from _chapter(2, "Settings of a topic", topic_settings.SETTINGS)
    yield from _chapter(2, "Settings of a group", group_settings.GROUP_SETTINGS)
    yield from _chapter(
        2, "Settings of a client-metrics subscription", group_settings.CLIENT_METRICS_SETTINGS
    )
    yield from _chapter(2, "Quotas of users and clients", quota_settings.USER_AND_CLIENT_QUOTAS)
    yield from _chapter(2, "Quotas of addresses", quota_settings.ADDRESS_QUOTAS)


def _heading(docstring: str | None) -> str:
    """A family's docstring up to its first full stop, without it."""
    return (docstring or "").partition(".")[0].replace("\n", " ")


def _chapter(
    level: int, heading: str, settings: Iterable[Setting], *, with_update: bool = False
) -> Iterator[str]:
    yield f"{'#' * level} {heading}\n"
    for setting in settings:
        if not setting.internal:
            yield from _entry(setting, with_update=with_update)
    yield ""


def _entry(setting: Setting, *, with_update: bool) -> Iterator[str]:
    facts = [setting.type.name.lower(), f"default {_default(setting)}"]
    if setting.valid is not None:
        facts.append(f"valid `{_short(str(setting.valid))}`")
    facts.append(setting.importance.value)
    if with_update:
        facts.append(setting.update.value)
    yield f"- **`{setting.name}`** {setting.doc}"
    if setting.without_effect:
        yield f"  No effect: {setting.without_effect}."
    behind = [] if with_update else [f"`{name}`" for name, _ in DEFAULTS_FROM.get(setting.name, ())]
    if behind:
        yield f"  The broker's: {', '.join(behind)}."
    yield f"  <br>*{'; '.join(facts)}*"


def _default(setting: Setting) -> str:
    text = setting.default_text
    if text is None:
        return "none"
    if text == "":
        return "empty"
    said = _said(setting)
    return f"`{_short(text)}`" + (f" ({said})" if said else "")


def _short(text: str) -> str:
    """A list of dozens of versions is no help: its beginning and end are."""
    words = text.split(", ")
    return text if len(words) <= 12 else ", ".join([*words[:2], "…", *words[-2:]])


def _said(setting: Setting) -> str:
    """A large number in words."""
    value = setting.default
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 1000:
        return ""
    if value in (INT_MAX, LONG_MAX, DOUBLE_MAX):
        return "no limit"
    if setting.name.endswith((".bytes", ".size")) and isinstance(value, int):
        return _in_units(value, ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")))
    if setting.name.endswith(".ms") and isinstance(value, int):
        return _in_units(
            value, ((86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second"))
        )
    return ""


def _in_units(value: int, units: tuple[tuple[int, str], ...]) -> str:
    """`7 days`, when the value is whole in one of the units."""
    for factor, name in units:
        if value % factor == 0:
            count = value // factor
            return f"{count} {name}{'s' if count != 1 and name[0].islower() else ''}"
    return ""


if __name__ == "__main__":
    sys.stdout.write(manual())
