"""The cluster's finalized features, as the rooms of a broker ask for them.

if broker.features.level(SHARE_VERSION) > 0: ...
broker.features.subscribe(TRANSACTION_VERSION, coordinator.set_transaction_version)
"""

from collections.abc import Callable, Mapping

from ottla.cluster.features import supported_levels
from ottla.cluster.image import MetadataImage
from ottla.config.broker_config import BrokerConfig


class Features:
    """Every level is 0 until the broker is registered."""

    def __init__(self, config: BrokerConfig) -> None:
        self.supported: Mapping[str, tuple[int, int]] = supported_levels(
            unstable=config.get("unstable.feature.versions.enable") is True
        )
        """Feature → (lowest, highest) level of this broker."""
        self._levels: Mapping[str, int] = {}
        self._subscribers: list[tuple[str, Callable[[int], None]]] = []

    def level(self, name: str) -> int:
        """The finalized level of a feature; 0 when it is off or unknown."""
        return self._levels.get(name, 0)

    def subscribe(self, name: str, subscriber: Callable[[int], None]) -> None:
        """Call `subscriber` with each new level of a feature, on the loop; with the first one when the broker starts."""
        self._subscribers.append((name, subscriber))

    def take(self, image: MetadataImage) -> None:
        """The image's levels hold from now on."""
        older, self._levels = self._levels, image.finalized_features
        for name, subscriber in self._subscribers:
            if older.get(name, 0) != self.level(name):
                subscriber(self.level(name))
