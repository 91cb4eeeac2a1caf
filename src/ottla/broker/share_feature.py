"""Whether share groups are served (KIP-932): off by default, as in Apache Kafka 4.1.

Their APIs are announced always. Until the feature `share.version` is finalized at 1 (`kafka-features upgrade --feature
share.version=1`), or `group.share.enable` is set for tests, they answer UNSUPPORTED_VERSION.

Apache: KafkaApis#isShareGroupProtocolEnabled.
"""

from typing import TYPE_CHECKING

from ottla.cluster.features import SHARE_VERSION

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


def share_groups_enabled(broker: "BrokerServer") -> bool:
    return broker.config.get("group.share.enable") is True or broker.features.level(SHARE_VERSION) > 0
