"""What a change of the cluster's metadata means for this broker: its settings, quotas, rules, tokens, partitions and groups."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ottla.broker.room_settings import connection_limits
from ottla.broker.throttling import Throttling, has_client_quotas
from ottla.cluster.image import DEFAULT_ENTITY, ConfigResource, ConfigType, MetadataDelta, MetadataImage
from ottla.config.checks import InvalidConfigurationError
from ottla.config.dynamic import usable

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_log = logging.getLogger(__name__)


class MetadataFollowing:
    """Keeps a broker in step with the metadata image. On the loop."""

    def __init__(self, broker: "BrokerServer") -> None:
        self._broker = broker

    def begin(self, image: MetadataImage) -> None:
        """Take what holds already when the broker starts, before it has any partition."""
        self._take_broker_configs(image)
        self._take_quotas(image)
        self._take_subscriptions(image)

    def changed(self, image: MetadataImage, delta: MetadataDelta) -> Iterator[None]:
        """Take the next image. Yields between partitions, of which there may be many."""
        broker = self._broker
        if broker.tokens is not None:
            broker.tokens.take(image)
        if broker.authorizer is not None and delta.changed_acls:
            broker.authorizer.apply(image.acls, delta.changed_acls)
        if any(each.type is ConfigType.BROKER for each in delta.changed_configs):
            self._take_broker_configs(image)
        if delta.changed_features:
            broker.features.take(image)
        if has_client_quotas(delta.changed_configs):
            self._take_quotas(image)
        if any(each.type is ConfigType.CLIENT_METRICS for each in delta.changed_configs):
            self._take_subscriptions(image)
        yield from broker.replicas.apply(image, delta)
        broker.groups.metadata_changed(image, delta)
        broker.shares.metadata_changed(image, delta)
        for topic in delta.deleted_topics:
            gone = broker.topics.pop(topic.name, None)
            if gone is not None:
                broker.bygone_topics.add(gone)

    def _take_broker_configs(self, image: MetadataImage) -> None:
        """Lay what is set dynamically, for all brokers and for this one, over what was given at the start."""
        broker = self._broker
        dynamic = {
            **image.configs.get(ConfigResource(ConfigType.BROKER, DEFAULT_ENTITY), {}),
            **broker.configs.opened(
                image.configs.get(ConfigResource(ConfigType.BROKER, str(broker.node_id)), {})
            ),
        }
        if dict(broker.config.dynamic) == dynamic:
            return
        try:
            broker.config = broker.config.with_dynamic(dynamic)
        except InvalidConfigurationError as error:
            # Another version may have stored what this one refuses; the rest holds all the same.
            kept, refused = usable(broker.config, dynamic)
            _log.error("Dynamic settings are passed over: %s: %s", ", ".join(refused), error)
            broker.config = broker.config.with_dynamic(kept)
        for listener in broker.listeners:
            listener.counts.limits = connection_limits(broker.config)
            listener.counts.serve_next()
            listener.take(broker.config)

    def _take_quotas(self, image: MetadataImage) -> None:
        broker = self._broker
        broker.address_quota.take(image.configs)
        throttling = broker.throttling or Throttling(broker.config)
        broker.throttling = throttling if throttling.take(image.configs) else None
        for listener in broker.listeners:
            listener.throttling = broker.throttling

    def _take_subscriptions(self, image: MetadataImage) -> None:
        self._broker.telemetry.take(
            (resource.name, values)
            for resource, values in image.configs.items()
            if resource.type is ConfigType.CLIENT_METRICS
        )


def delta_to(image: MetadataImage) -> MetadataDelta:
    """The delta from nothing to `image`."""
    return MetadataDelta(
        created_topics=tuple(image.topics.values()),
        changed_partitions={name: frozenset(topic.partitions) for name, topic in image.topics.items()},
        changed_brokers=frozenset(image.brokers),
        changed_controller=True,
        changed_features=True,
    )
