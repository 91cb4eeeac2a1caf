"""Settings of topics, brokers, groups and subscriptions: where the rules of `config/` meet what `cluster/` has stored.

The image holds what was set, the config room knows what may be set and what holds in the end. This answers both the
controller, which asks before it stores, and the handlers, which show.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from ottla.broker.stored_passwords import StoredPasswords
from ottla.cluster.changes import ConfigChange, ConfigOperation
from ottla.cluster.image import DEFAULT_ENTITY, ConfigResource, ConfigType
from ottla.config.alter import (
    AlterConfigError,
    Change,
    InvalidConfigError,
    Operation,
    alter_broker,
    alter_client_metrics,
    alter_group,
    alter_topic,
    replacing,
)
from ottla.config.broker_config import BrokerConfig
from ottla.config.describe import (
    describe_broker,
    describe_client_metrics,
    describe_cluster_default,
    describe_group,
    describe_topic,
)
from ottla.config.described_setting import DescribedSetting
from ottla.config.dynamic import BrokerLayers
from ottla.config.group_config import GroupConfig, group_config
from ottla.config.topic_config import topic_config
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


_NOTHING: Mapping[str, str] = MappingProxyType({})

_log = logging.getLogger(__name__)


class Configs:
    """The settings of one broker's cluster, as this broker sees them. Also the controller's `ConfigRules`."""

    def __init__(self, broker: "BrokerServer") -> None:
        self._broker = broker
        self._passwords = StoredPasswords(broker.config, broker.in_thread)
        self._layers: BrokerLayers | None = None
        self._layers_made_from: tuple[object, ...] = ()
        self._groups_made_from: tuple[BrokerConfig, Mapping[ConfigResource, Mapping[str, str]]] | None = None
        self._group_defaults = GroupConfig()
        self._groups: dict[str, GroupConfig] = {}

    # What may be set: the controller asks.

    def validate(self, resource: ConfigResource, values: Mapping[str, str | None]) -> Mapping[str, str]:
        """All that will be set on the entity; `KafkaError` INVALID_CONFIG or INVALID_REQUEST if it may not be."""
        without = [name for name, value in values.items() if value is None]
        if without and resource.type is ConfigType.TOPIC:
            raise KafkaError(
                ErrorCode.INVALID_CONFIG, f"Null value not supported for topic configs: {','.join(without)}"
            )
        stored = {} if resource.type is ConfigType.TOPIC else self._stored(resource)
        return self._altered(resource, stored, replacing(stored, values))

    def alter(
        self,
        resource: ConfigResource,
        current: Mapping[str, str],
        operations: Sequence[tuple[str, ConfigOperation, str | None]],
    ) -> Mapping[str, str]:
        """What is set after the operations; errors as `validate`."""
        return self._altered(
            resource, current, [Change(Operation(what), name, value) for name, what, value in operations]
        )

    def unclean_election_allowed(
        self, topic_configs: Mapping[str, str], _broker_configs: Mapping[str, str]
    ) -> bool:
        """The broker's own value has the dynamic ones of all brokers in it already."""
        return topic_config(self._broker.config.topic_defaults, topic_configs).unclean_leader_election_enable

    def _altered(
        self, resource: ConfigResource, stored: Mapping[str, str], changes: Sequence[Change]
    ) -> Mapping[str, str]:
        config, name = self._broker.config, resource.name
        try:
            match resource.type:
                case ConfigType.TOPIC:
                    return alter_topic(config.topic_defaults, name, stored, changes)
                case ConfigType.BROKER if name == DEFAULT_ENTITY:
                    return alter_broker(self.layers(), changes, cluster_wide=True)[0]
                case ConfigType.BROKER:
                    altered, _ = alter_broker(self.layers(), changes, cluster_wide=False)
                    return self._passwords.sealed(altered, self._stored(resource))
                case ConfigType.GROUP:
                    return alter_group(config, name, stored, changes)
                case ConfigType.CLIENT_METRICS:
                    return alter_client_metrics(name, stored, changes)
        except InvalidConfigError as error:
            raise KafkaError(ErrorCode.INVALID_CONFIG, str(error)) from error
        except AlterConfigError as error:
            raise KafkaError(ErrorCode.INVALID_REQUEST, str(error)) from error
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Unsupported resource type: {resource.type.name}")

    # What has to be found out before: on threads.

    async def prepare(self, change: ConfigChange) -> None:
        """Get ready for a change that is about to be asked for: passwords are encoded, stores of listeners read.

        Raises `KafkaError` INVALID_REQUEST for stores that could not be taken. What else is wrong, the change itself tells.
        """
        own = self._own()
        if change.resource != own:
            return
        stored = self._stored(own)
        if change.replace_all is not None:
            changes = replacing(stored, change.replace_all)
        else:
            changes = [Change(Operation(what), name, value) for name, what, value in change.operations]
        try:
            _, config = alter_broker(self.layers(), changes, cluster_wide=False)
        except AlterConfigError:
            return
        for listener in self._broker.listeners:
            await listener.check(config)
        set_to = {each.name: each.value for each in changes if each.operation is Operation.SET}
        await self._passwords.prepare(set_to, stored)

    async def learn_passwords(self) -> None:
        """At a start, before anything is asked for: decode what is stored."""
        await self._passwords.learn(self._stored(self._own()))

    async def encode_passwords_anew(self) -> None:
        """At a start, when changes can be made: encode what is stored in clear, or by `password.encoder.old.secret`."""
        own = self._own()
        stored = self._stored(own)
        opened = self.opened(stored)
        outdated = {name: opened[name] for name in self._passwords.outdated(stored)}
        if not outdated:
            return
        await self._passwords.prepare(outdated, stored)
        operations = [(name, ConfigOperation.SET, text) for name, text in outdated.items()]
        try:
            [outcome] = await self._broker.metadata.alter_configs([ConfigChange(own, operations)])
            if outcome.error is not ErrorCode.NONE:
                raise KafkaError(outcome.error, outcome.message)
        except KafkaError as error:
            _log.error("Passwords could not be encoded anew: %s", error)
        else:
            _log.info("Encoded by password.encoder.secret: %s", ", ".join(sorted(outdated)))

    def opened(self, stored: Mapping[str, str]) -> dict[str, str]:
        """This broker's settings out of what is stored of them: passwords as they are used."""
        return self._passwords.opened(stored)

    # What holds: handlers ask.

    def layers(self) -> BrokerLayers:
        """Everything that has a say in this broker's settings: one value for as long as none of it changes."""
        config = self._broker.config
        cluster_wide = self._stored(ConfigResource(ConfigType.BROKER, DEFAULT_ENTITY))
        per_broker = self._stored(self._own())
        made_from = (config, cluster_wide, per_broker)
        held = self._layers
        if held is None or any(a is not b for a, b in zip(made_from, self._layers_made_from, strict=True)):
            held = self._layers = BrokerLayers(config, cluster_wide, self.opened(per_broker))
            self._layers_made_from = made_from
        return held

    def describe(
        self, resource: ConfigResource, names: Collection[str] | None = None
    ) -> list[DescribedSetting]:
        """Every setting of the resource, or those named, with what holds and why."""
        own = self._stored(resource)
        match resource.type:
            case ConfigType.TOPIC:
                return describe_topic(self.layers(), own, names)
            case ConfigType.BROKER if resource.name == DEFAULT_ENTITY:
                return describe_cluster_default(own, names)
            case ConfigType.BROKER:
                return describe_broker(self.layers(), names)
            case ConfigType.GROUP:
                return describe_group(self._broker.config, own, names)
            case ConfigType.CLIENT_METRICS:
                return describe_client_metrics(own, names)
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Unsupported resource type: {resource.type.name}")

    def describe_new_topic(self, own: Mapping[str, str]) -> list[DescribedSetting]:
        """What a topic with these settings of its own would show; it need not exist."""
        return describe_topic(self.layers(), own)

    def group(self, group_id: str) -> GroupConfig:
        """What holds for a group. Cheap: coordinators ask at every heartbeat."""
        config, stored = self._broker.config, self._broker.metadata.image.configs
        if self._groups_made_from != (config, stored):
            self._groups_made_from = (config, stored)
            self._groups = {}
            self._group_defaults = group_config(config.values, _NOTHING)
        own = stored.get(ConfigResource(ConfigType.GROUP, group_id))
        if not own:
            return self._group_defaults
        held = self._groups.get(group_id)
        if held is None:
            held = self._groups[group_id] = group_config(config.values, own)
        return held

    def _own(self) -> ConfigResource:
        return ConfigResource(ConfigType.BROKER, str(self._broker.node_id))

    def _stored(self, resource: ConfigResource) -> Mapping[str, str]:
        return self._broker.metadata.image.configs.get(resource, _NOTHING)
