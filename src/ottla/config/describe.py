"""What DescribeConfigs answers: every setting of a resource with its value, where it comes from, and what lies below.

Source: Apache's ConfigHelper.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from ottla.config.broker_config import BrokerConfig, setting_for
from ottla.config.catalogue import BROKER_SETTINGS, CLIENT_METRICS_SETTINGS, GROUP_SETTINGS, TOPIC_SETTINGS
from ottla.config.definition import Setting
from ottla.config.described_setting import UNKNOWN_TYPE, ConfigSource, DescribedSetting, Synonym
from ottla.config.dynamic import BrokerLayers, broker_synonyms, is_dynamic
from ottla.config.group_config import shown_defaults
from ottla.config.sources import Given
from ottla.config.topic_config import first_given
from ottla.config.topic_settings import DEFAULTS_FROM
from ottla.config.validators import InvalidSettingError
from ottla.config.values import print_value


def describe_broker(layers: BrokerLayers, names: Collection[str] | None = None) -> list[DescribedSetting]:
    """Every setting of one broker, or those named."""
    known = [name for name, setting in BROKER_SETTINGS.items() if not setting.internal]
    given = [*layers.config.given, *layers.cluster_wide, *layers.per_broker]
    every = sorted(set(known).union(given))
    return [_broker_setting(layers, name) for name in _chosen(every, names)]


def describe_cluster_default(
    cluster_wide: Mapping[str, str], names: Collection[str] | None = None
) -> list[DescribedSetting]:
    """The dynamic settings that hold for every broker, which is all that a broker without a number has."""
    described = []
    for name in _chosen(sorted(cluster_wide), names):
        setting = setting_for(name)
        text = _shown(setting, cluster_wide[name])
        synonym = Synonym(name, text, ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG)
        described.append(_described(name, setting, text, (synonym,), read_only=not is_dynamic(name)))
    return described


def describe_topic(
    layers: BrokerLayers, own: Mapping[str, str], names: Collection[str] | None = None
) -> list[DescribedSetting]:
    """Every setting of a topic, or those named; `own` is what the topic sets itself."""
    known = [name for name, setting in TOPIC_SETTINGS.items() if setting.listed and not setting.internal]
    every = sorted({*known, *own})
    defaults = layers.topic_entries
    if not defaults:
        defaults.update((name, _topic_setting(layers, {}, name)) for name in known)
    return [
        _topic_setting(layers, own, name) if name in own else defaults[name] for name in _chosen(every, names)
    ]


def describe_group(
    config: BrokerConfig, own: Mapping[str, str], names: Collection[str] | None = None
) -> list[DescribedSetting]:
    """Every setting of a group, or those named."""
    defaults = {name: print_value(value) for name, value in shown_defaults(config.values).items()}

    def synonyms(name: str, text: str | None) -> tuple[Synonym, ...]:
        return (Synonym(name, text, source_of(name)),)

    def source_of(name: str) -> ConfigSource:
        return ConfigSource.DYNAMIC_GROUP_CONFIG if name in own else ConfigSource.DEFAULT_CONFIG

    return list(_simple(GROUP_SETTINGS, own, names, synonyms, defaults))


def describe_client_metrics(
    own: Mapping[str, str], names: Collection[str] | None = None
) -> list[DescribedSetting]:
    """Every setting of a client-metrics subscription, or those named."""

    def synonyms(name: str, text: str | None) -> tuple[Synonym, ...]:
        return (Synonym(name, text, ConfigSource.DYNAMIC_CLIENT_METRICS_CONFIG),) if name in own else ()

    defaults = {name: _default_text(setting) for name, setting in CLIENT_METRICS_SETTINGS.items()}
    return list(_simple(CLIENT_METRICS_SETTINGS, own, names, synonyms, defaults))


def _chosen(every: list[str], names: Collection[str] | None) -> list[str]:
    """Apache takes an empty list of names for all."""
    return [name for name in every if name in names] if names else every


def _simple(
    settings: Mapping[str, Setting],
    own: Mapping[str, str],
    names: Collection[str] | None,
    synonyms: Callable[[str, str | None], tuple[Synonym, ...]],
    defaults: Mapping[str, str | None],
) -> Iterator[DescribedSetting]:
    for name in _chosen(sorted({*settings, *own}), names):
        setting = settings.get(name)
        text = _shown(setting, own[name]) if name in own else defaults.get(name)
        yield _described(name, setting, text, synonyms(name, text), read_only=False)


def _broker_setting(layers: BrokerLayers, name: str) -> DescribedSetting:
    setting = setting_for(name)
    synonyms = _layers_of(layers, name, broker_synonyms(name))
    if setting is not None and not setting.sensitive and name in layers.config.values:
        text = print_value(layers.config.values[name])
    else:
        text = synonyms[0].value if synonyms else None
    return _described(name, setting, text, synonyms, read_only=not is_dynamic(name))


def _topic_setting(layers: BrokerLayers, own: Mapping[str, str], name: str) -> DescribedSetting:
    setting = TOPIC_SETTINGS.get(name)
    behind = DEFAULTS_FROM.get(name)
    synonyms: tuple[Synonym, ...] = ()
    text = _default_text(setting)
    if behind is not None:
        first_name = behind[0][0]
        synonyms = _layers_of(layers, first_name, broker_synonyms(first_name))
        text = print_value(first_given(layers.config.values, behind))
    if name in own:
        text = _shown(setting, own[name])
        synonyms = (Synonym(name, text, ConfigSource.DYNAMIC_TOPIC_CONFIG), *synonyms)
    return _described(name, setting, text, synonyms, read_only=False)


def _layers_of(layers: BrokerLayers, name: str, names: Iterable[str]) -> tuple[Synonym, ...]:
    """What each layer says to some names, strongest first.

    What stands before the setting's own name is left out, as at Apache: a listener's value is no synonym of the
    broker's.
    """
    names = tuple(names)
    found = [
        *_in_layer(layers.per_broker, names, ConfigSource.DYNAMIC_BROKER_CONFIG),
        *_in_layer(layers.cluster_wide, names, ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG),
        *_in_layer(layers.config.given, names, ConfigSource.STATIC_BROKER_CONFIG),
        *_defaults(names),
    ]
    first = next((index for index, synonym in enumerate(found) if synonym.name == name), len(found))
    return tuple(found[first:])


def _in_layer(
    layer: Mapping[str, str] | Mapping[str, Given], names: tuple[str, ...], source: ConfigSource
) -> Iterator[Synonym]:
    for name in names:
        if name in layer:
            held = layer[name]
            yield Synonym(
                name, _shown(setting_for(name), held if isinstance(held, str) else held.text), source
            )


def _defaults(names: tuple[str, ...]) -> Iterator[Synonym]:
    for name in names:
        setting = BROKER_SETTINGS.get(name)
        if setting is not None and setting.default is not None:
            yield Synonym(name, setting.default_text, ConfigSource.DEFAULT_CONFIG)


def _shown(setting: Setting | None, text: str) -> str | None:
    """A given text as it is shown: not at all if it may be a secret, in the form of its type if it can be read."""
    if setting is None or setting.sensitive:
        return None
    try:
        return print_value(setting.parse(text))
    except InvalidSettingError:
        return text


def _default_text(setting: Setting | None) -> str | None:
    return None if setting is None or setting.sensitive else setting.default_text


def _described(
    name: str, setting: Setting | None, text: str | None, synonyms: tuple[Synonym, ...], *, read_only: bool
) -> DescribedSetting:
    return DescribedSetting(
        name=name,
        value=text,
        source=synonyms[0].source if synonyms else ConfigSource.DEFAULT_CONFIG,
        read_only=read_only,
        sensitive=setting is None or setting.sensitive,
        type=UNKNOWN_TYPE if setting is None else setting.type.value,
        synonyms=synonyms,
        documentation=None if setting is None else setting.doc,
    )
