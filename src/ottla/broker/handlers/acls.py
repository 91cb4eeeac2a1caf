"""DescribeAcls, CreateAcls and DeleteAcls (keys 29 to 31; KIP-140, patterns KIP-290).

They ask for DESCRIBE, and to change rules for ALTER, on the cluster. Without an authorizer they are announced all the same, and
answered SECURITY_DISABLED. A request in which a kind, a pattern type, an operation or a permission is the code of UNKNOWN is not
read at all: Apache's constructors of these requests refuse it, which closes the connection. One to make rules that has the code of
ANY or MATCH, which stand in filters only, ends with UNKNOWN_SERVER_ERROR for all its rules, since the rule's constructor refuses it.

Source: `AclApis`, `AclControlManager` of 4.1.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Final, TypeVar

from ottla.broker.access import on_cluster
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import CloseConnection, handles
from ottla.broker.later import answer_later
from ottla.broker.pending import Pending
from ottla.cluster.acl_changes import AclOutcome
from ottla.cluster.image import MetadataImage
from ottla.protocol.codec import encode
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.create_acls import (
    AclCreation,
    AclCreationResult,
    CreateAclsRequest,
    CreateAclsResponse,
)
from ottla.protocol.messages.delete_acls import (
    DeleteAclsFilter,
    DeleteAclsFilterResult,
    DeleteAclsMatchingAcl,
    DeleteAclsRequest,
    DeleteAclsResponse,
)
from ottla.protocol.messages.describe_acls import (
    AclDescription,
    DescribeAclsRequest,
    DescribeAclsResource,
    DescribeAclsResponse,
)
from ottla.security.acl import (
    AclBinding,
    AclEntry,
    AclFilter,
    AclOperation,
    EntryFilter,
    PatternFilter,
    PatternType,
    PermissionType,
    ResourcePattern,
    ResourceType,
    check_binding,
)

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

MAX_RULES_ON_THE_LOOP: Final = 500
"""More are searched, and the answer encoded, on a thread: ten thousand take 50 ms."""

MAX_CHANGES_PER_REQUEST: Final = 10_000
"""Apache's `MAX_RECORDS_PER_USER_OP`: rules that one request may add, or take away."""
CHANGES_AT_ONCE: Final = 250
"""Rules that are changed before the loop looks at others."""
LARGE_REQUEST_BYTES: Final = 32 * 1024
"""Some five hundred rules: larger requests are decoded on a thread."""
_TOO_MANY_TO_REMOVE: Final = (
    f"Cannot remove more than {MAX_CHANGES_PER_REQUEST} acls in a single delete operation."
)

_NO_AUTHORIZER: Final = "No Authorizer is configured."

_Code = TypeVar("_Code", bound=IntEnum)
_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer", CreateAclsResponse, DeleteAclsResponse)


@handles(
    DescribeAclsRequest,
    DescribeAclsResponse,
    versions=(1, 3),
    needs=(on_cluster(AclOperation.DESCRIBE),),
)
def describe_acls(
    broker: "BrokerServer", request: DescribeAclsRequest, context: RequestContext
) -> DescribeAclsResponse | Pending[bytes]:
    """The rules that a filter matches, by pattern."""
    _refuse_unknown(
        request.resource_type_filter,
        request.pattern_type_filter,
        request.operation,
        request.permission_type,
    )
    if broker.authorizer is None:
        return DescribeAclsResponse(
            error_code=ErrorCode.SECURITY_DISABLED, error_message="No Authorizer is configured on the broker"
        )
    image, wanted, version = broker.metadata.image, _filter(request), context.api_version
    if _are_few(image):
        return _described(image, wanted)
    return broker.threads.pending(lambda: encode(_described(image, wanted), version))


def _described(image: MetadataImage, wanted: AclFilter) -> DescribeAclsResponse:
    """Of an image, since that doesn't change under a thread."""
    found: dict[ResourcePattern, list[AclEntry]] = {}
    for pattern, entry in wanted.select(image.acls):
        found.setdefault(pattern, []).append(entry)
    return DescribeAclsResponse(
        resources=[
            DescribeAclsResource(
                resource_type=pattern.resource_type,
                resource_name=pattern.name,
                pattern_type=pattern.pattern_type,
                acls=[
                    AclDescription(
                        principal=entry.principal,
                        host=entry.host,
                        operation=entry.operation,
                        permission_type=entry.permission,
                    )
                    for entry in entries
                ],
            )
            for pattern, entries in found.items()
        ]
    )


def _none_created(request: CreateAclsRequest, code: ErrorCode, message: str | None) -> CreateAclsResponse:
    return CreateAclsResponse(
        results=[AclCreationResult(error_code=code, error_message=message) for _ in request.creations]
    )


@handles(
    CreateAclsRequest,
    CreateAclsResponse,
    versions=(1, 3),
    needs=(on_cluster(AclOperation.ALTER),),
    on_error=_none_created,
    large_bytes=LARGE_REQUEST_BYTES,
)
def create_acls(
    broker: "BrokerServer", request: CreateAclsRequest, context: RequestContext
) -> Pending[CreateAclsResponse | bytes]:
    """Each rule by itself; one that exists is no error."""

    async def answer() -> CreateAclsResponse | bytes:
        only_in_filters = False
        for piece in _pieces(request.creations):
            for each in piece:
                _refuse_unknown(
                    each.resource_type, each.resource_pattern_type, each.operation, each.permission_type
                )
                only_in_filters = only_in_filters or _stands_in_filters_only(each)
            await asyncio.sleep(0)
        if broker.authorizer is None:
            return _none_created(request, ErrorCode.SECURITY_DISABLED, _NO_AUTHORIZER)
        if only_in_filters:
            return _none_created(request, ErrorCode.UNKNOWN_SERVER_ERROR, None)
        await _refuse_too_many(broker, request.creations)
        outcomes: list[AclOutcome] = []
        for piece in _pieces(request.creations):
            outcomes += await _create(broker, piece)
        return await _encoded(broker, lambda: _created(outcomes), len(outcomes), context)

    return answer_later(answer())


def _created(outcomes: Iterable[AclOutcome]) -> CreateAclsResponse:
    return CreateAclsResponse(
        results=[
            AclCreationResult(error_code=each.error, error_message=each.message or "") for each in outcomes
        ]
    )


async def _encoded(
    broker: "BrokerServer", make: Callable[[], _Answer], rules: int, context: RequestContext
) -> _Answer | bytes:
    """The answer that `make` gives; made and encoded on a thread if it speaks of many rules."""
    if rules <= CHANGES_AT_ONCE:
        return make()
    return await broker.threads.result(lambda: encode(make(), context.api_version))


async def _create(broker: "BrokerServer", creations: Sequence[AclCreation]) -> list[AclOutcome]:
    checked = [_checked(_binding(each)) for each in creations]
    stored = iter(
        await broker.metadata.create_acls([each for each in checked if isinstance(each, AclBinding)])
    )
    return [next(stored) if isinstance(each, AclBinding) else each for each in checked]


def _checked(binding: AclBinding) -> AclBinding | AclOutcome:
    try:
        check_binding(binding)
    except KafkaError as error:
        return AclOutcome(error.code, error.message)
    return binding


async def _refuse_too_many(broker: "BrokerServer", creations: Sequence[AclCreation]) -> None:
    """Raises POLICY_VIOLATION where rules that are not there yet are more than one request may bring."""
    if len(creations) <= MAX_CHANGES_PER_REQUEST:
        return
    acls = broker.metadata.image.acls
    new: set[AclBinding] = set()
    for piece in _pieces(creations):
        for each in piece:
            binding = _checked(_binding(each))
            if isinstance(binding, AclBinding):
                node = acls.get(binding.pattern)
                if node is None or binding.entry not in node.entries:
                    new.add(binding)
        if len(new) > MAX_CHANGES_PER_REQUEST:
            raise KafkaError(
                ErrorCode.POLICY_VIOLATION, "Unable to perform excessively large batch operation."
            )
        await asyncio.sleep(0)


def _none_deleted(request: DeleteAclsRequest, code: ErrorCode, message: str) -> DeleteAclsResponse:
    return DeleteAclsResponse(
        filter_results=[
            DeleteAclsFilterResult(error_code=code, error_message=message) for _ in request.filters
        ]
    )


@handles(
    DeleteAclsRequest,
    DeleteAclsResponse,
    versions=(1, 3),
    needs=(on_cluster(AclOperation.ALTER),),
    on_error=_none_deleted,
    large_bytes=LARGE_REQUEST_BYTES,
)
def delete_acls(
    broker: "BrokerServer", request: DeleteAclsRequest, context: RequestContext
) -> DeleteAclsResponse | Pending[DeleteAclsResponse | bytes]:
    """All rules that any of the filters matches; each filter's answer names its own."""
    for each in request.filters:
        _refuse_unknown(
            each.resource_type_filter, each.pattern_type_filter, each.operation, each.permission_type
        )
    if broker.authorizer is None:
        return _none_deleted(request, ErrorCode.SECURITY_DISABLED, _NO_AUTHORIZER)

    async def answer() -> DeleteAclsResponse | bytes:
        found: list[list[AclBinding] | KafkaError] = []
        doomed: dict[AclBinding, None] = {}
        for each in request.filters:
            wanted = _filter(each)
            try:
                wanted.check()
            except KafkaError as error:
                found.append(error)
                continue
            matched = await _selected(broker, wanted)
            for piece in _pieces(matched):
                doomed.update(dict.fromkeys(piece))
                await asyncio.sleep(0)
            if len(doomed) > MAX_CHANGES_PER_REQUEST:
                raise KafkaError(ErrorCode.INVALID_REQUEST, _TOO_MANY_TO_REMOVE)
            found.append(matched)
        for piece in _pieces(list(doomed)):
            await broker.metadata.delete_acls(piece)
        return await _encoded(broker, lambda: _deleted(found), len(doomed) + len(found), context)

    return answer_later(answer())


async def _selected(broker: "BrokerServer", wanted: AclFilter) -> list[AclBinding]:
    """What a filter matches now."""
    image = broker.metadata.image
    if _are_few(image):
        return list(wanted.select(image.acls))
    return await broker.threads.result(lambda: list(wanted.select(image.acls)))


def _are_few(image: MetadataImage) -> bool:
    """Whether all rules can be looked at on the loop."""
    return (
        len(image.acls) <= MAX_RULES_ON_THE_LOOP
        and sum(len(each.entries) for each in image.acls.values()) <= MAX_RULES_ON_THE_LOOP
    )


def _deleted(found: Iterable[list[AclBinding] | KafkaError]) -> DeleteAclsResponse:
    return DeleteAclsResponse(
        filter_results=[
            DeleteAclsFilterResult(error_code=each.code, error_message=each.message)
            if isinstance(each, KafkaError)
            else _matched(each)
            for each in found
        ]
    )


def _matched(deleted: Iterable[AclBinding]) -> DeleteAclsFilterResult:
    return DeleteAclsFilterResult(
        error_message=None,
        matching_acls=[
            DeleteAclsMatchingAcl(
                error_message=None,
                resource_type=pattern.resource_type,
                resource_name=pattern.name,
                pattern_type=pattern.pattern_type,
                principal=entry.principal,
                host=entry.host,
                operation=entry.operation,
                permission_type=entry.permission,
            )
            for pattern, entry in deleted
        ],
    )


def _pieces(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), CHANGES_AT_ONCE):
        yield items[start : start + CHANGES_AT_ONCE]


def _refuse_unknown(*codes: int) -> None:
    if 0 in codes:
        raise CloseConnection("a request about access rules asks for UNKNOWN")


def _stands_in_filters_only(creation: AclCreation) -> bool:
    return (
        creation.resource_type == ResourceType.ANY
        or creation.resource_pattern_type in (PatternType.ANY, PatternType.MATCH)
        or creation.operation == AclOperation.ANY
        or creation.permission_type == PermissionType.ANY
    )


def _binding(creation: AclCreation) -> AclBinding:
    return AclBinding(
        ResourcePattern(
            _known(ResourceType, creation.resource_type),
            creation.resource_name,
            _known(PatternType, creation.resource_pattern_type),
        ),
        AclEntry(
            creation.principal,
            creation.host,
            _known(AclOperation, creation.operation),
            _known(PermissionType, creation.permission_type),
        ),
    )


def _filter(asked: DescribeAclsRequest | DeleteAclsFilter) -> AclFilter:
    return AclFilter(
        PatternFilter(
            _known(ResourceType, asked.resource_type_filter),
            asked.resource_name_filter,
            _known(PatternType, asked.pattern_type_filter),
        ),
        EntryFilter(
            asked.principal_filter,
            asked.host_filter,
            _known(AclOperation, asked.operation),
            _known(PermissionType, asked.permission_type),
        ),
    )


def _known(kind: type[_Code], code: int) -> _Code:
    """Codes of a newer Kafka are UNKNOWN."""
    try:
        return kind(code)
    except ValueError:
        return kind(0)
