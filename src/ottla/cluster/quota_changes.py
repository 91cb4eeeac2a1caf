"""Quotas of clients changed and looked up: AlterClientQuotas and DescribeClientQuotas (KIP-546).

Rules, order of checks and texts: `ClientQuotaControlManager`, `ClientQuotasImage` of 4.1. Nodes, and how their values are
written: `ZkAdminManager` of 3.9.
"""

from __future__ import annotations

import enum
import ipaddress
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from ottla.cluster.decision import Decision
from ottla.cluster.entity_nodes import Announce, store
from ottla.cluster.image import ConfigResource, ImageDraft, MetadataImage
from ottla.cluster.quota_entities import ABSENT, CLIENT_ID, IP, USER, QuotaEntity, entities
from ottla.config.definition import Setting, Type, by_name
from ottla.config.quota_settings import ADDRESS_QUOTAS, USER_AND_CLIENT_QUOTAS
from ottla.config.values import print_double
from ottla.protocol.errors import ErrorCode, KafkaError

_OF_CLIENTS: Final = by_name(USER_AND_CLIENT_QUOTAS)
_OF_ADDRESSES: Final = by_name(ADDRESS_QUOTAS)
_EVERY: Final = {**_OF_CLIENTS, **_OF_ADDRESSES}
_TYPES: Final = (USER, CLIENT_ID, IP)
_LARGEST: Final = {Type.INT: 2**31 - 1, Type.LONG: 2**63 - 1}


class QuotaAlteration(NamedTuple):
    """What is asked for one entity."""

    parts: Sequence[tuple[str, str | None]]
    """(type, name); None is the default of the type."""
    operations: Sequence[tuple[str, float | None]]
    """(quota, value); None takes it away."""


class QuotaOutcome(NamedTuple):
    """One for each entity asked for, however often it was."""

    parts: Mapping[str, str | None]
    error: ErrorCode = ErrorCode.NONE
    message: str | None = None


class Match(enum.IntEnum):
    """What a filter's component asks of an entity's part, by its number in DescribeClientQuotas."""

    EXACT = 0
    DEFAULT = 1
    SPECIFIED = 2
    """Any name, the default included."""


class FilterComponent(NamedTuple):
    """One line of a filter."""

    entity_type: str
    match: int
    name: str | None


def alter_quotas(
    image: MetadataImage,
    alterations: Iterable[QuotaAlteration],
    announce: Announce,
    *,
    validate_only: bool,
) -> Decision[QuotaOutcome]:
    """Each entity by itself."""
    decision: Decision[QuotaOutcome] = Decision(ImageDraft(image))
    stored = dict(image.configs)
    outcomes: dict[tuple[tuple[str, str | None], ...], QuotaOutcome] = {}
    for alteration in alterations:
        parts = dict(alteration.parts)
        key = tuple(sorted(parts.items()))
        keys = [name for name, _ in alteration.operations]
        error = None
        if key in outcomes or len(set(keys)) != len(keys):
            told = ", ".join(
                f"{kind}={'<default>' if name is None else name}" for kind, name in parts.items()
            )
            error = _invalid(f"Ignoring duplicate entity ClientQuotaEntity(entries={{{told}}})")
        else:
            try:
                _alter_one(decision, stored, _entity(parts), alteration.operations, announce)
            except KafkaError as refused:
                error = refused
        outcomes[key] = (
            QuotaOutcome(parts) if error is None else QuotaOutcome(parts, error.code, error.message)
        )
    decision.outcomes = list(outcomes.values())
    if validate_only:
        decision.discard()
    return decision


def describe_quotas(
    image: MetadataImage, components: Sequence[FilterComponent], *, strict: bool
) -> list[tuple[QuotaEntity, dict[str, float]]]:
    """The entities that match every component (and with `strict` have no other part), with their quotas."""
    exact, any_name = _filter(components)
    described = []
    for entity, values in entities(image.configs):
        parts = entity.parts()
        if strict and len(parts) != len(exact) + len(any_name):
            continue
        if not any_name <= parts.keys() or any(
            kind not in parts or parts[kind] != name for kind, name in exact.items()
        ):
            continue
        quotas = {name: float(text) for name, text in values.items() if name in _EVERY}
        if quotas:
            described.append((entity, quotas))
    return described


def _filter(components: Sequence[FilterComponent]) -> tuple[dict[str, str | None], set[str]]:
    exact: dict[str, str | None] = {}
    any_name: set[str] = set()
    for kind, match, name in components:
        if not kind:
            raise _invalid("Invalid empty entity type.")
        if kind in exact or kind in any_name:
            raise _invalid(f"Entity type {kind} cannot appear more than once in the filter.")
        if kind not in _TYPES:
            raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, f"Unsupported entity type {kind}")
        if match == Match.EXACT and name is None:
            raise _invalid("Request specified MATCH_TYPE_EXACT, but set match string to null.")
        if match in (Match.DEFAULT, Match.SPECIFIED) and name is not None:
            raise _invalid(
                f"Request specified MATCH_TYPE_{Match(match).name}, but also specified a match string."
            )
        if match == Match.SPECIFIED:
            any_name.add(kind)
        elif match in (Match.EXACT, Match.DEFAULT):
            exact[kind] = name
        else:
            raise _invalid(f"Unknown match type {match}")
    asked = {*exact, *any_name}
    if IP in asked and len(asked) > 1:
        raise _invalid(
            "Invalid entity filter component combination. IP filter component should not be used with user or "
            "clientId filter component."
        )
    return exact, any_name


def _entity(parts: Mapping[str, str | None]) -> QuotaEntity:
    if not parts:
        raise _invalid("Invalid empty client quota entity")
    for kind, name in parts.items():
        if kind not in _TYPES:
            raise _invalid(f"Unhandled client quota entity type: {kind}")
        if name is not None and not name:
            raise _invalid(f"Empty {kind} not supported")
    if IP in parts:
        if len(parts) > 1:
            raise _invalid(
                "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId"
            )
        if parts[IP] is not None and not _is_address(parts[IP]):
            raise _invalid(f"{parts[IP]} is not a valid IP or resolvable host.")
    return QuotaEntity(parts.get(USER, ABSENT), parts.get(CLIENT_ID, ABSENT), parts.get(IP, ABSENT))


def _is_address(text: str | None) -> bool:
    """An address, not a host's name: the controller doesn't ask other machines what a name means today."""
    try:
        ipaddress.ip_address(text or "")
    except ValueError:
        return False
    return True


def _alter_one(
    decision: Decision[QuotaOutcome],
    stored: dict[ConfigResource, Mapping[str, str]],
    entity: QuotaEntity,
    operations: Sequence[tuple[str, float | None]],
    announce: Announce,
) -> None:
    known = _OF_CLIENTS if entity.ip == ABSENT else _OF_ADDRESSES
    resource = entity.resource()
    current = stored.get(resource, {})
    values = dict(current)
    for name, value in operations:
        if value is None:
            values.pop(name, None)
        else:
            values[name] = _checked(known, name, value)
    if values != current:
        store(decision, stored, entity, values, announce)


def _checked(known: Mapping[str, Setting], name: str, value: float) -> str:
    """The value as it is stored; raises INVALID_REQUEST."""
    setting = known.get(name)
    if setting is None:
        raise _invalid(f"Invalid configuration key {name}")
    if math.isnan(value) or value <= 0:
        raise _invalid(f"Quota {name} must be greater than 0")
    largest = _LARGEST.get(setting.type)
    if largest is None:
        return print_double(value)
    if value > largest:
        article = "an" if setting.type is Type.INT else "a"
        raise _invalid(f"Proposed value for {name} is too large for {article} {setting.type.name}.")
    if abs(round(value) - value) > 1e-6:
        raise _invalid(f"{name} cannot be a fractional value.")
    return str(min(round(value), largest))


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, message)
