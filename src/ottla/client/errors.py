"""What can go wrong between a client and a cluster.

    ClientError
    ├── BrokerUnreachableError     no connection could be made
    ├── ConnectionLostError        the connection ended before the answer came
    ├── RequestTimedOutError       the answer did not come in time; the connection is closed
    ├── LoginError                 the broker did not let us in (in `sasl`)
    ├── ApiNotSupportedError       the broker serves the API in no version that we can speak
    └── MembershipError            the group will not have the member, and trying again will not help

An answer that holds an error code raises `KafkaError` of that code (`ottla.protocol.errors`) where the call as a whole
has failed. The first three are worth trying again.
"""

from ottla.protocol.errors import ErrorCode


class ClientError(Exception):
    """The root of this room's errors."""


class BrokerUnreachableError(ClientError):
    """No connection to `address` could be made."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"{address} cannot be reached: {reason}. Is a broker running there, and is that its address?"
        )
        self.address = address


class ConnectionLostError(ClientError):
    """The connection ended while answers were waited for."""


class RequestTimedOutError(ClientError):
    """The answer did not come in time."""


class ApiNotSupportedError(ClientError):
    """The broker and this client have no version of the API in common."""


class MembershipError(ClientError):
    """The group refuses the member for good; `code` tells why."""

    def __init__(self, group_id: str, code: ErrorCode) -> None:
        super().__init__(f"group {group_id} refuses this member: {code.name}: {code.message}")
        self.code = code
