"""A real broker for tests: `with ottla.testing.Broker() as broker: ... broker.bootstrap_servers`.

`embedded` runs it on a thread of the test's own process, `separate` in a process of its own, `plugin` gives it to pytest
as fixtures. Nothing here changes what belongs to the whole process: no signals, no loop policy, no logging, no collector.

Importing this costs next to nothing: the broker is loaded when the first one starts.
"""

from ottla.testing.broker import Broker, BrokerStartError

__all__ = ["Broker", "BrokerStartError"]
