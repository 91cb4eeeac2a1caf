"""What the metadata asks of the settings' rules when topics are made or changed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ottla.cluster.changes import ConfigOperation
from ottla.cluster.image import ConfigResource, ConfigType
from ottla.config.definition import InvalidSettingError
from ottla.config.topic_config import TopicConfig, topic_config
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


class TopicRules:
    """Checks topics' settings against their declarations."""

    def __init__(self, broker: "BrokerServer") -> None:
        self._broker = broker

    def validate(self, resource: ConfigResource, values: Mapping[str, str | None]) -> Mapping[str, str]:
        given = {name: value for name, value in values.items() if value is not None}
        if resource.type is ConfigType.TOPIC:
            self._check(given)
        return given

    def alter(
        self,
        resource: ConfigResource,
        current: Mapping[str, str],
        operations: Sequence[tuple[str, ConfigOperation, str | None]],
    ) -> Mapping[str, str]:
        values: dict[str, str | None] = dict(current)
        for name, operation, value in operations:
            values[name] = None if operation is ConfigOperation.DELETE else value
        return self.validate(resource, values)

    def unclean_election_allowed(
        self, topic_configs: Mapping[str, str], broker_configs: Mapping[str, str]
    ) -> bool:
        del broker_configs
        return topic_config(self._broker.config.topic_defaults, topic_configs).unclean_leader_election_enable

    def _check(self, given: Mapping[str, str]) -> TopicConfig:
        try:
            return topic_config(self._broker.config.topic_defaults, given)
        except InvalidSettingError as error:
            raise KafkaError(ErrorCode.INVALID_CONFIG, str(error)) from error
