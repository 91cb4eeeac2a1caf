"""DescribeClientQuotas and AlterClientQuotas (keys 48 and 49), versions 0 and 1: what users and clients may use (KIP-546)."""

from typing import TYPE_CHECKING

from ottla.broker.access import on_cluster
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.later import answer_later
from ottla.broker.pending import Pending
from ottla.cluster.quota_changes import FilterComponent, QuotaAlteration, describe_quotas
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import alter_client_quotas as altering
from ottla.protocol.messages import describe_client_quotas as describing
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


def _described_error(
    _request: describing.DescribeClientQuotasRequest, code: ErrorCode, message: str
) -> describing.DescribeClientQuotasResponse:
    return describing.DescribeClientQuotasResponse(error_code=code, error_message=message, entries=None)


@handles(
    describing.DescribeClientQuotasRequest,
    describing.DescribeClientQuotasResponse,
    versions=(0, 1),
    on_error=_described_error,
    needs=(on_cluster(AclOperation.DESCRIBE_CONFIGS),),
)
def describe_client_quotas(
    broker: "BrokerServer", request: describing.DescribeClientQuotasRequest, _context: RequestContext
) -> describing.DescribeClientQuotasResponse:
    """The entities that match the filter, with the quotas that are set for them."""
    components = [
        FilterComponent(each.entity_type, each.match_type, each.match) for each in request.components
    ]
    described = describe_quotas(broker.metadata.image, components, strict=request.strict)
    return describing.DescribeClientQuotasResponse(
        error_message="",
        entries=[
            describing.EntryData(
                entity=[
                    describing.EntityData(entity_type=kind, entity_name=name)
                    for kind, name in entity.parts().items()
                ],
                values=[describing.ValueData(key=key, value=value) for key, value in quotas.items()],
            )
            for entity, quotas in described
        ],
    )


def _altered_error(
    request: altering.AlterClientQuotasRequest, code: ErrorCode, message: str
) -> altering.AlterClientQuotasResponse:
    row = altering.AlterClientQuotasResponseEntryData
    return altering.AlterClientQuotasResponse(
        entries=[
            row(
                error_code=code,
                error_message=message,
                entity=[
                    altering.EntityData(entity_type=each.entity_type, entity_name=each.entity_name)
                    for each in entry.entity
                ],
            )
            for entry in request.entries
        ]
    )


@handles(
    altering.AlterClientQuotasRequest,
    altering.AlterClientQuotasResponse,
    versions=(0, 1),
    on_error=_altered_error,
    needs=(on_cluster(AclOperation.ALTER_CONFIGS),),
)
def alter_client_quotas(
    broker: "BrokerServer", request: altering.AlterClientQuotasRequest, _context: RequestContext
) -> Pending[altering.AlterClientQuotasResponse]:
    """Set and take away quotas; each entity has its own outcome."""
    alterations = [
        QuotaAlteration(
            [(each.entity_type, each.entity_name) for each in entry.entity],
            [(each.key, None if each.remove else each.value) for each in entry.ops],
        )
        for entry in request.entries
    ]

    async def answer() -> altering.AlterClientQuotasResponse:
        outcomes = await broker.metadata.alter_client_quotas(alterations, validate_only=request.validate_only)
        return altering.AlterClientQuotasResponse(
            entries=[
                altering.AlterClientQuotasResponseEntryData(
                    error_code=outcome.error,
                    error_message=outcome.message,
                    entity=[
                        altering.EntityData(entity_type=kind, entity_name=name)
                        for kind, name in outcome.parts.items()
                    ],
                )
                for outcome in outcomes
            ]
        )

    return answer_later(answer())
