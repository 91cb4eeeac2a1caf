"""Every handler module, imported: what is not named here is not served."""

from ottla.broker.dispatch import REGISTRATIONS, Registration
from ottla.broker.handlers import (
    api_versions,
    cluster,
    configs,
    consumer_groups,
    delete_records,
    elections,
    features,
    fetch,
    find_coordinator,
    groups,
    log_dirs,
    metadata,
    offsets_of_logs,
    produce,
    producers,
    quotas,
    reassignments,
    scram,
    share_acknowledge,
    share_fetch,
    share_groups,
    share_state,
    streams_groups,
    telemetry,
    topics,
    transactional_offsets,
    transactions,
    unsecured,
)

MODULES = (
    api_versions,
    cluster,
    configs,
    consumer_groups,
    delete_records,
    elections,
    features,
    fetch,
    find_coordinator,
    groups,
    log_dirs,
    metadata,
    offsets_of_logs,
    produce,
    producers,
    quotas,
    reassignments,
    scram,
    share_acknowledge,
    share_fetch,
    share_groups,
    share_state,
    streams_groups,
    telemetry,
    topics,
    transactional_offsets,
    transactions,
    unsecured,
)


def all_registrations() -> list[Registration]:
    """What those modules have registered."""
    return list(REGISTRATIONS.values())
