"""Who leads a partition, and who is in its ISR: pure decisions on a `PartitionState`.

Every change of the leader raises the leader epoch by one; so does taking a dead replica out of the ISR, as Apache's
controller in ZooKeeper mode does it. The partition epoch is the version of the state's node, so any write raises it.

Source: `kafka.controller.Election`, `PartitionStateMachine`, `KafkaController.tryProcessAlterPartition` of 3.9.
"""

from __future__ import annotations

from collections.abc import Callable

from ottla.cluster.changes import ElectionType, IsrChange
from ottla.cluster.image import NO_LEADER, NO_STATE_YET, MetadataImage, PartitionState
from ottla.protocol.errors import ErrorCode, KafkaError

NEW_PARTITION_EPOCH = 0


def first_election(replicas: tuple[int, ...], live: Callable[[int], bool]) -> PartitionState:
    """A partition's first state: the live replicas are in sync (there is nothing to be behind of), the first leads.

    Without a live replica the partition stays without state until one comes.
    """
    isr = tuple(replica for replica in replicas if live(replica))
    if not isr:
        return stateless(replicas)
    return PartitionState(replicas, isr, isr[0], 0, NEW_PARTITION_EPOCH)


def stateless(replicas: tuple[int, ...]) -> PartitionState:
    """A partition that never had a leader."""
    return PartitionState(replicas, (), NO_LEADER, NO_STATE_YET, NO_STATE_YET)


def never() -> bool:
    """Unclean elections are not allowed."""
    return False


def always() -> bool:
    """Unclean elections are allowed."""
    return True


def after_loss(
    state: PartitionState, live: Callable[[int], bool], *, unclean: Callable[[], bool] = never
) -> PartitionState:
    """What follows when replicas have died (or come back): the same state if nothing does.

    The ISR keeps its last member even when that died, because only it is known to have every record. `unclean`, asked
    only when it matters, allows any live replica to lead when nobody of the ISR can; it must then recover (KIP-704).
    """
    if state.partition_epoch == NO_STATE_YET:
        return first_election(state.replicas, live)
    isr = tuple(replica for replica in state.isr if live(replica)) or state.isr
    if state.leader != NO_LEADER and live(state.leader):
        return state if isr == state.isr else _changed(state, leader=state.leader, isr=isr)
    leader = next((replica for replica in state.replicas if replica in isr and live(replica)), NO_LEADER)
    if leader != NO_LEADER:
        return _changed(state, leader=leader, isr=isr)
    if unclean():
        leader = next((replica for replica in state.replicas if live(replica)), NO_LEADER)
    if leader != NO_LEADER:
        return _changed(state, leader=leader, isr=(leader,))._replace(recovering=True)
    return state if state.leader == NO_LEADER else _changed(state, leader=NO_LEADER, isr=isr)


def elect(state: PartitionState, election: ElectionType, live: Callable[[int], bool]) -> PartitionState:
    """An election asked for by an operator. Raises ELECTION_NOT_NEEDED or that no leader was available."""
    if election is ElectionType.UNCLEAN:
        if state.leader != NO_LEADER and live(state.leader):
            raise KafkaError(ErrorCode.ELECTION_NOT_NEEDED)
        elected = after_loss(state, live, unclean=always)
        if elected.leader == NO_LEADER:
            raise KafkaError(ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE)
        return elected
    preferred = state.replicas[0]
    if state.leader == preferred and live(preferred):
        raise KafkaError(ErrorCode.ELECTION_NOT_NEEDED)
    if preferred not in state.isr or not live(preferred):
        raise KafkaError(ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE)
    return _changed(state, leader=preferred, isr=state.isr)


def change_isr(
    state: PartitionState, broker_id: int, change: IsrChange, image: MetadataImage
) -> PartitionState:
    """The leader's proposal, if it may be done; the same state if it holds already. Raises what Apache answers."""
    if change.leader_epoch > state.leader_epoch or change.partition_epoch > state.partition_epoch:
        raise KafkaError(ErrorCode.NOT_CONTROLLER)  # the leader has heard from a newer controller than we are
    if change.leader_epoch < state.leader_epoch:
        raise KafkaError(ErrorCode.FENCED_LEADER_EPOCH)
    if state.leader != broker_id:
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    isr = tuple(change.isr)
    if isr == state.isr and change.recovering == state.recovering:
        return state
    if change.partition_epoch < state.partition_epoch:
        raise KafkaError(ErrorCode.INVALID_UPDATE_VERSION)
    if (change.recovering and not state.recovering) or (change.recovering and len(isr) > 1):
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    if broker_id not in isr or len(set(isr)) != len(isr) or not set(isr) <= set(state.replicas):
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    if any(replica not in image.brokers or replica in state.offline_replicas for replica in isr):
        raise KafkaError(ErrorCode.INELIGIBLE_REPLICA)
    return state._replace(isr=isr, recovering=change.recovering, partition_epoch=state.partition_epoch + 1)


def _changed(state: PartitionState, *, leader: int, isr: tuple[int, ...]) -> PartitionState:
    return state._replace(
        leader=leader,
        isr=isr,
        leader_epoch=state.leader_epoch + 1,
        partition_epoch=state.partition_epoch + 1,
        recovering=False if leader != state.leader else state.recovering,
    )
