"""DescribeUserScramCredentials and AlterUserScramCredentials (keys 50 and 51), version 0 (KIP-554)."""

from collections import Counter
from typing import TYPE_CHECKING

from ottla.broker.access import on_cluster
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.later import answer_later
from ottla.broker.pending import Pending
from ottla.cluster.scram_changes import Mechanism, ScramAlteration, credentials
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    AlterUserScramCredentialsResult,
)
from ottla.protocol.messages.describe_user_scram_credentials import (
    CredentialInfo,
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
    DescribeUserScramCredentialsResult,
)
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


@handles(
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
    versions=(0, 0),
    needs=(on_cluster(AclOperation.DESCRIBE),),
)
def describe_user_scram_credentials(
    broker: "BrokerServer", request: DescribeUserScramCredentialsRequest, _context: RequestContext
) -> DescribeUserScramCredentialsResponse:
    """Mechanisms and iterations, never the credential; of all users that have one when none is named."""
    known = dict(credentials(broker.metadata.image))
    asked = Counter(each.name for each in request.users or ()) or Counter(list(known))
    return DescribeUserScramCredentialsResponse(
        error_message="",
        results=[_described(user, times, known.get(user)) for user, times in asked.items()],
    )


def _described(
    user: str, times: int, found: dict[Mechanism, int] | None
) -> DescribeUserScramCredentialsResult:
    if times > 1:
        return DescribeUserScramCredentialsResult(
            user=user,
            error_code=ErrorCode.DUPLICATE_RESOURCE,
            error_message=f"Cannot describe SCRAM credentials for the same user twice in a single request: {user}",
        )
    if found is None:
        return DescribeUserScramCredentialsResult(
            user=user,
            error_code=ErrorCode.RESOURCE_NOT_FOUND,
            error_message=f"Attempt to describe a user credential that does not exist: {user}",
        )
    return DescribeUserScramCredentialsResult(
        user=user,
        error_message="",
        credential_infos=[
            CredentialInfo(mechanism=mechanism, iterations=iterations)
            for mechanism, iterations in found.items()
        ],
    )


def _nobody(
    request: AlterUserScramCredentialsRequest, code: ErrorCode, message: str
) -> AlterUserScramCredentialsResponse:
    users = dict.fromkeys(
        [*(each.name for each in request.deletions), *(each.name for each in request.upsertions)]
    )
    return AlterUserScramCredentialsResponse(
        results=[
            AlterUserScramCredentialsResult(user=user, error_code=code, error_message=message)
            for user in users
        ]
    )


@handles(
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    versions=(0, 0),
    on_error=_nobody,
    needs=(on_cluster(AclOperation.ALTER),),
)
def alter_user_scram_credentials(
    broker: "BrokerServer", request: AlterUserScramCredentialsRequest, _context: RequestContext
) -> Pending[AlterUserScramCredentialsResponse]:
    """Set and take away credentials; each user has one outcome."""
    alterations = [ScramAlteration(each.name, each.mechanism) for each in request.deletions]
    alterations += [
        ScramAlteration(each.name, each.mechanism, each.iterations, each.salt, each.salted_password)
        for each in request.upsertions
    ]

    async def answer() -> AlterUserScramCredentialsResponse:
        outcomes = await broker.metadata.alter_scram_credentials(alterations)
        return AlterUserScramCredentialsResponse(
            results=[
                AlterUserScramCredentialsResult(
                    user=each.user, error_code=each.error, error_message=each.message
                )
                for each in outcomes
            ]
        )

    return answer_later(answer())
