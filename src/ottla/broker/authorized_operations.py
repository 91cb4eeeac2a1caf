"""What the fields called `..._authorized_operations` say: one bit per operation that the client may do (KIP-430).

The bit is the operation's code; the operations are those that the kind of resource knows (`SUPPORTED_OPERATIONS`). Without an
authorizer all of them are allowed.
"""

from typing import TYPE_CHECKING, Final

from ottla.broker.access import CLUSTER, may_cluster, operations_on
from ottla.broker.context import RequestContext
from ottla.security.acl import CLUSTER_NAME, AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

NOT_ASKED_FOR: Final = -(2**31)
"""Stands in the field when the client did not ask."""


def cluster_operations(broker: "BrokerServer", context: RequestContext) -> int:
    """What the client may do to the cluster; nothing, for whoever may not even describe it."""
    if not may_cluster(broker, context, AclOperation.DESCRIBE):
        return 0
    return operations_on(broker, context, CLUSTER, CLUSTER_NAME)
