"""Rules about settings for tests of the cluster room, which knows no setting itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ottla.cluster.changes import ConfigOperation
from ottla.cluster.image import ConfigResource
from ottla.protocol.errors import ErrorCode, KafkaError


class SimpleRules:
    """Anything may be set but `bad`; unclean elections where `unclean` is true."""

    def validate(self, resource: ConfigResource, values: Mapping[str, str | None]) -> Mapping[str, str]:
        if "bad" in values:
            raise KafkaError(ErrorCode.INVALID_CONFIG, f"Unknown config name bad of {resource.name}")
        return {name: value for name, value in values.items() if value is not None}

    def alter(
        self,
        resource: ConfigResource,
        current: Mapping[str, str],
        operations: Sequence[tuple[str, ConfigOperation, str | None]],
    ) -> Mapping[str, str]:
        values: dict[str, str | None] = dict(current)
        for name, operation, value in operations:
            if operation is ConfigOperation.DELETE:
                values.pop(name, None)
            else:
                values[name] = value
        return self.validate(resource, values)

    def unclean_election_allowed(
        self, topic_configs: Mapping[str, str], broker_configs: Mapping[str, str]
    ) -> bool:
        return {**broker_configs, **topic_configs}.get("unclean") == "true"
