"""ShareFetch (key 78), version 1: acquire records of a share group's partitions (KIP-932).

Sessions: epoch 0 opens one with the request's partitions (acknowledgements are not allowed then), later requests bear the
next epoch and name what changed, epoch -1 closes it and fetches nothing. Acknowledgements may come along; they are taken
first, and the answer waits for both.

When it is answered: as soon as the log has `min_bytes` behind the first available record of each partition, else after
`max_wait_ms` with what there is. Only then are records acquired: `max_records` at most over all partitions, each of which
may give its even part of `max_bytes`. Partitions take turns in being the first.

The records leave as a slice of the log's file, cut to the batches that hold acquired ones; only batch headers are read.

Apache: KafkaApis#handleShareFetchRequest, SharePartitionManager, DelayedShareFetch, ShareFetchUtils.
"""

from typing import TYPE_CHECKING

from ottla.broker.access import GROUP, require
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.pending import Pending
from ottla.broker.share_fetch_in_hand import ShareFetchInHand, brings_acknowledgements
from ottla.broker.share_leaders import session_key
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.share_fetch import ShareFetchRequest, ShareFetchResponse
from ottla.security.acl import AclOperation
from ottla.shares.sessions import (
    FINAL_EPOCH,
    INITIAL_EPOCH,
    ShareSession,
    ShareSessionKey,
    TopicIdPartition,
)

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


def _whole(request: ShareFetchRequest, code: ErrorCode, message: str) -> ShareFetchResponse:
    del request, message
    return ShareFetchResponse(error_code=code)


@handles(ShareFetchRequest, ShareFetchResponse, versions=(1, 1), on_error=_whole, has_slices=True)
def share_fetch(
    broker: "BrokerServer", request: ShareFetchRequest, context: RequestContext
) -> ShareFetchResponse | Pending[ShareFetchResponse]:
    """Acknowledge, acquire, or wait until there is something to acquire."""
    if not broker.shares.enabled:
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION)
    require(broker, context, AclOperation.READ, GROUP, request.group_id or "")
    member = session_key(request.group_id, request.member_id)
    try:
        session = _session(broker, request, context, member)
    except KafkaError as error:
        if error.code is not ErrorCode.SHARE_SESSION_LIMIT_REACHED:
            raise
        return _refused_later(broker, request, error)
    return ShareFetchInHand(broker, request, context, member, session).begin()


def _refused_later(
    broker: "BrokerServer", request: ShareFetchRequest, error: KafkaError
) -> Pending[ShareFetchResponse]:
    """There is no place for another session: told when the wait is over, or the member would ask without end."""

    def refuse() -> None:
        pending.fail(error)

    timer = broker.timers.after(max(request.max_wait_ms, 0), refuse)
    pending: Pending[ShareFetchResponse] = Pending(timer.cancel)
    return pending


def _session(
    broker: "BrokerServer", request: ShareFetchRequest, context: RequestContext, member: ShareSessionKey
) -> ShareSession | None:
    """The session with the request's changes in it; None for the request that closes it."""
    sessions = broker.shares.sessions
    named = [
        TopicIdPartition(topic.topic_id, each.partition_index)
        for topic in request.topics
        for each in topic.partitions
    ]
    if request.share_session_epoch == INITIAL_EPOCH:
        if brings_acknowledgements(request):
            raise KafkaError(ErrorCode.INVALID_REQUEST)
        return sessions.open(member, named, context.connection.identity)
    session = sessions.take(member, request.share_session_epoch)
    if request.share_session_epoch == FINAL_EPOCH:
        return None
    forgotten = [
        TopicIdPartition(topic.topic_id, partition)
        for topic in request.forgotten_topics_data
        for partition in topic.partitions
    ]
    sessions.update(session, named, forgotten)
    return session
