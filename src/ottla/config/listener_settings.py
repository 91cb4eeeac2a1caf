"""A broker's settings as one listener sees them.

    listener.name.external.scram-sha-256.sasl.jaas.config     of one mechanism on one listener
    listener.name.external.ssl.keystore.location              of one listener
    ssl.keystore.location                                     of the broker

The most particular one that is set holds. What only a start can set is taken from there alone: a listener's prefix in front of it
would let AlterConfigs through.

Source: KIP-103, Apache's AbstractConfig (`valuesWithPrefixOverride`) and ChannelBuilders.
"""

from __future__ import annotations

from ottla.config.broker_config import LISTENER_PREFIX, BrokerConfig
from ottla.config.catalogue import BROKER_SETTINGS
from ottla.config.definition import UpdateMode
from ottla.config.values import Password, Value


class ListenerSettings:
    """What holds for one listener; a view of a `BrokerConfig`, to be made anew when that changes."""

    __slots__ = ("config", "listener_name")

    def __init__(self, config: BrokerConfig, listener_name: str) -> None:
        self.config = config
        self.listener_name = listener_name

    def full_name(self, name: str) -> str:
        """The name under which the value that holds is set: the listener's own, or the plain one."""
        own = self._own_name(name)
        return own if self._own_text(own, name) is not None else name

    def value(self, name: str) -> Value:
        """The listener's own value where it has one, else the broker's; None when not set."""
        own = self.own_value(name)
        return self.config.values[name] if own is None else own

    def own_value(self, name: str) -> Value:
        """What is set for this listener alone; None when nothing is, whatever the broker's own value."""
        text = self._own_text(self._own_name(name), name)
        return None if text is None else BROKER_SETTINGS[name].parse(text)

    def mechanism_value(self, mechanism: str, name: str) -> Value:
        """What holds for a SASL mechanism, by Kafka's name for it (`SCRAM-SHA-256`), on this listener."""
        text = self._own_text(self._own_name(f"{mechanism.lower()}.{name}"), name)
        return self.value(name) if text is None else BROKER_SETTINGS[name].parse(text)

    # By type, for settings whose type and default exclude anything else.

    def text(self, name: str) -> str:
        """A STRING; empty when not set."""
        value = self.value(name)
        return "" if value is None else str(value)

    def number(self, name: str) -> int:
        """An INT or a LONG that has a default."""
        value = self.value(name)
        assert isinstance(value, int), name
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """A LIST; empty when not set."""
        value = self.value(name)
        return value if isinstance(value, tuple) else ()

    def secret(self, name: str) -> str | None:
        """A PASSWORD in clear; None when not set or empty."""
        value = self.value(name)
        return value.secret or None if isinstance(value, Password) else None

    def _own_name(self, name: str) -> str:
        return f"{LISTENER_PREFIX}{self.listener_name.lower()}.{name}"

    def _own_text(self, own: str, name: str) -> str | None:
        text = self.config.dynamic.get(own)
        if text is not None and BROKER_SETTINGS[name].update is not UpdateMode.READ_ONLY:
            return text
        given = self.config.given.get(own)
        return None if given is None else given.text
