"""CreateDelegationToken, RenewDelegationToken, ExpireDelegationToken and DescribeDelegationToken (keys 38 to 41; KIP-48, KIP-373).

Only who has proven to be somebody, and by other means than a token, may ask: not over PLAINTEXT, not over SSL without a
certificate. Rights: CREATE_TOKENS on the user for whom somebody else wants a token; to see a token that one neither owns,
asked for nor may renew, DESCRIBE on the token or DESCRIBE_TOKENS on its owner.

Source: `KafkaApis.allowTokenRequests`, `handle…TokenRequest`, `DelegationTokenManager.filterToken`.
"""

from typing import TYPE_CHECKING

from ottla.broker.access import may
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.later import answer_later
from ottla.broker.pending import Pending
from ottla.cluster.delegation_token import DelegationToken
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.create_delegation_token import (
    CreateDelegationTokenRequest,
    CreateDelegationTokenResponse,
)
from ottla.protocol.messages.describe_delegation_token import (
    DescribedDelegationToken,
    DescribedDelegationTokenRenewer,
    DescribeDelegationTokenRequest,
    DescribeDelegationTokenResponse,
)
from ottla.protocol.messages.expire_delegation_token import (
    ExpireDelegationTokenRequest,
    ExpireDelegationTokenResponse,
)
from ottla.protocol.messages.renew_delegation_token import (
    RenewDelegationTokenRequest,
    RenewDelegationTokenResponse,
)
from ottla.security.acl import AclOperation, ResourceType
from ottla.security.principal import ANONYMOUS, USER_TYPE, KafkaPrincipal

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer
    from ottla.broker.tokens import Tokens


_FROM_CONTROLLERS = frozenset(
    {
        ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED,
        ErrorCode.DELEGATION_TOKEN_NOT_FOUND,
        ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH,
        ErrorCode.DELEGATION_TOKEN_EXPIRED,
    }
)


def _may_ask(context: RequestContext) -> bool:
    connection = context.connection
    if connection.principal.token_authenticated or connection.security_protocol == "PLAINTEXT":
        return False
    return not (connection.security_protocol == "SSL" and connection.principal == ANONYMOUS)


def _tokens(broker: "BrokerServer", context: RequestContext) -> "Tokens":
    """Raises what such a request is answered with where there are no tokens for this client."""
    if not _may_ask(context):
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED)
    if broker.tokens is None:
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED)
    return broker.tokens


def _no_time(code: ErrorCode) -> int:
    """What stands for the time in an answer that has none: the controller of 4.1 leaves it at 0, its broker says -1."""
    return 0 if code in _FROM_CONTROLLERS else -1


# Creating.


def _owner(request: CreateDelegationTokenRequest, requester: KafkaPrincipal) -> KafkaPrincipal:
    if not request.owner_principal_name:
        return requester
    return KafkaPrincipal(request.owner_principal_type or "", request.owner_principal_name)


@handles(CreateDelegationTokenRequest, CreateDelegationTokenResponse, versions=(1, 3))
def create_delegation_token(
    broker: "BrokerServer", request: CreateDelegationTokenRequest, context: RequestContext
) -> CreateDelegationTokenResponse | Pending[CreateDelegationTokenResponse]:
    """A token for the client or, from version 3 on, for somebody whom it may make tokens for."""
    requester = context.connection.principal
    owner = _owner(request, requester)
    renewers = tuple(KafkaPrincipal(each.principal_type, each.principal_name) for each in request.renewers)

    async def answer() -> CreateDelegationTokenResponse:
        try:
            token = await _tokens(broker, context).create(owner, requester, renewers, request.max_lifetime_ms)
        except KafkaError as error:
            return _not_created(owner, context, error.code)
        assert broker.tokens is not None
        return _created(owner, context, token, broker.tokens.known.secret_of(token.token_id))

    try:
        _check_creation(broker, context, owner, renewers)
    except KafkaError as error:
        return _not_created(owner, context, error.code)
    return answer_later(answer())


def _check_creation(
    broker: "BrokerServer",
    context: RequestContext,
    owner: KafkaPrincipal,
    renewers: tuple[KafkaPrincipal, ...],
) -> None:
    if not _may_ask(context):
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED)
    if owner != context.connection.principal and not may(
        broker, context, AclOperation.CREATE_TOKENS, ResourceType.USER, str(owner)
    ):
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_AUTHORIZATION_FAILED)
    if any(each.principal_type != USER_TYPE for each in renewers):
        raise KafkaError(ErrorCode.INVALID_PRINCIPAL_TYPE)
    _tokens(broker, context)


def _not_created(
    owner: KafkaPrincipal, context: RequestContext, code: ErrorCode
) -> CreateDelegationTokenResponse:
    """It names who would have owned the token, and who asked."""
    answer = _for_whom(owner, context)
    answer.error_code = code
    answer.issue_timestamp_ms = answer.expiry_timestamp_ms = answer.max_timestamp_ms = _no_time(code)
    return answer


def _created(
    owner: KafkaPrincipal, context: RequestContext, token: DelegationToken, secret: bytes
) -> CreateDelegationTokenResponse:
    answer = _for_whom(owner, context)
    answer.issue_timestamp_ms = token.issue_timestamp_ms
    answer.expiry_timestamp_ms = token.expiry_timestamp_ms
    answer.max_timestamp_ms = token.max_timestamp_ms
    answer.token_id = token.token_id
    answer.hmac = secret
    return answer


def _for_whom(owner: KafkaPrincipal, context: RequestContext) -> CreateDelegationTokenResponse:
    answer = CreateDelegationTokenResponse(principal_type=owner.principal_type, principal_name=owner.name)
    if context.api_version >= 3:
        requester = context.connection.principal
        answer.token_requester_principal_type = requester.principal_type
        answer.token_requester_principal_name = requester.name
    return answer


# Renewing and expiring.


def _not_renewed(
    _request: RenewDelegationTokenRequest, code: ErrorCode, _message: str
) -> RenewDelegationTokenResponse:
    return RenewDelegationTokenResponse(error_code=code, expiry_timestamp_ms=_no_time(code))


@handles(RenewDelegationTokenRequest, RenewDelegationTokenResponse, versions=(1, 2), on_error=_not_renewed)
def renew_delegation_token(
    broker: "BrokerServer", request: RenewDelegationTokenRequest, context: RequestContext
) -> Pending[RenewDelegationTokenResponse]:
    """By its owner or one of its renewers, within its greatest life."""
    tokens = _tokens(broker, context)

    async def answer() -> RenewDelegationTokenResponse:
        principal = context.connection.principal
        expiry_timestamp_ms = await tokens.renew(request.hmac, principal, request.renew_period_ms)
        return RenewDelegationTokenResponse(expiry_timestamp_ms=expiry_timestamp_ms)

    return answer_later(answer())


def _not_expired(
    _request: ExpireDelegationTokenRequest, code: ErrorCode, _message: str
) -> ExpireDelegationTokenResponse:
    return ExpireDelegationTokenResponse(error_code=code, expiry_timestamp_ms=_no_time(code))


@handles(ExpireDelegationTokenRequest, ExpireDelegationTokenResponse, versions=(1, 2), on_error=_not_expired)
def expire_delegation_token(
    broker: "BrokerServer", request: ExpireDelegationTokenRequest, context: RequestContext
) -> Pending[ExpireDelegationTokenResponse]:
    """Likewise; a negative period takes the token away at once."""
    tokens = _tokens(broker, context)

    async def answer() -> ExpireDelegationTokenResponse:
        principal = context.connection.principal
        expiry_timestamp_ms = await tokens.expire(request.hmac, principal, request.expiry_time_period_ms)
        return ExpireDelegationTokenResponse(expiry_timestamp_ms=expiry_timestamp_ms)

    return answer_later(answer())


# Describing.


@handles(DescribeDelegationTokenRequest, DescribeDelegationTokenResponse, versions=(1, 3))
def describe_delegation_token(
    broker: "BrokerServer", request: DescribeDelegationTokenRequest, context: RequestContext
) -> DescribeDelegationTokenResponse:
    """The tokens, of the owners asked for or all, that the client may see; with their secrets, as at Apache."""
    tokens = _tokens(broker, context)
    owners = None
    if request.owners is not None:
        owners = frozenset(f"{each.principal_type}:{each.principal_name}" for each in request.owners)
    return DescribeDelegationTokenResponse(
        tokens=[
            _described(token, tokens.known.secret_of(token.token_id), context.api_version)
            for token in broker.metadata.image.tokens.values()
            if (owners is None or any(map(token.concerns, owners))) and _may_see(broker, context, token)
        ]
    )


def _may_see(broker: "BrokerServer", context: RequestContext, token: DelegationToken) -> bool:
    return (
        token.concerns(str(context.connection.principal))
        or may(
            broker, context, AclOperation.DESCRIBE, ResourceType.DELEGATION_TOKEN, token.token_id, audit=False
        )
        or may(broker, context, AclOperation.DESCRIBE_TOKENS, ResourceType.USER, token.owner, audit=False)
    )


def _principal(text: str) -> KafkaPrincipal:
    """Of a text that a principal was written as; unlike one from outside it may have no name."""
    principal_type, _, name = text.partition(":")
    return KafkaPrincipal(principal_type, name)


def _described(token: DelegationToken, secret: bytes, api_version: int) -> DescribedDelegationToken:
    owner = _principal(token.owner)
    described = DescribedDelegationToken(
        principal_type=owner.principal_type,
        principal_name=owner.name,
        issue_timestamp=token.issue_timestamp_ms,
        expiry_timestamp=token.expiry_timestamp_ms,
        max_timestamp=token.max_timestamp_ms,
        token_id=token.token_id,
        hmac=secret,
        renewers=[
            DescribedDelegationTokenRenewer(principal_type=each.principal_type, principal_name=each.name)
            for each in map(_principal, token.renewers)
        ],
    )
    if api_version >= 3:
        requester = _principal(token.requester)
        described.token_requester_principal_type = requester.principal_type
        described.token_requester_principal_name = requester.name
    return described
