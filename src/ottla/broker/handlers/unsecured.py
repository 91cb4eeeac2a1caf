"""What a broker without security answers to those who ask for it: SASL, ACLs and delegation tokens.

Apache announces these APIs on every listener. On one that knows no SASL a handshake comes too late, since the client is taken for
authenticated; without an authorizer there are no ACLs; without a secret for them, or for a client that nobody has
authenticated, no tokens.
"""

from typing import TYPE_CHECKING

from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.create_acls import AclCreationResult, CreateAclsRequest, CreateAclsResponse
from ottla.protocol.messages.create_delegation_token import (
    CreateDelegationTokenRequest,
    CreateDelegationTokenResponse,
)
from ottla.protocol.messages.delete_acls import DeleteAclsFilterResult, DeleteAclsRequest, DeleteAclsResponse
from ottla.protocol.messages.describe_acls import DescribeAclsRequest, DescribeAclsResponse
from ottla.protocol.messages.describe_delegation_token import (
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
from ottla.protocol.messages.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from ottla.protocol.messages.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_NO_AUTHORIZER = "No Authorizer is configured."


@handles(SaslHandshakeRequest, SaslHandshakeResponse, versions=(0, 1))
def sasl_handshake(
    _broker: "BrokerServer", _request: SaslHandshakeRequest, _context: RequestContext
) -> SaslHandshakeResponse:
    """Comes after the authentication, of which there is none."""
    return SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE)


@handles(SaslAuthenticateRequest, SaslAuthenticateResponse, versions=(0, 2))
def sasl_authenticate(
    _broker: "BrokerServer", _request: SaslAuthenticateRequest, _context: RequestContext
) -> SaslAuthenticateResponse:
    """Likewise."""
    return SaslAuthenticateResponse(
        error_code=ErrorCode.ILLEGAL_SASL_STATE,
        error_message="SaslAuthenticate request received after successful authentication",
    )


@handles(DescribeAclsRequest, DescribeAclsResponse, versions=(1, 3))
def describe_acls(
    _broker: "BrokerServer", _request: DescribeAclsRequest, _context: RequestContext
) -> DescribeAclsResponse:
    """There is no authorizer that would have any."""
    return DescribeAclsResponse(
        error_code=ErrorCode.SECURITY_DISABLED, error_message="No Authorizer is configured on the broker"
    )


@handles(CreateAclsRequest, CreateAclsResponse, versions=(1, 3))
def create_acls(
    _broker: "BrokerServer", request: CreateAclsRequest, _context: RequestContext
) -> CreateAclsResponse:
    """Each is refused."""
    return CreateAclsResponse(
        results=[
            AclCreationResult(error_code=ErrorCode.SECURITY_DISABLED, error_message=_NO_AUTHORIZER)
            for _ in request.creations
        ]
    )


@handles(DeleteAclsRequest, DeleteAclsResponse, versions=(1, 3))
def delete_acls(
    _broker: "BrokerServer", request: DeleteAclsRequest, _context: RequestContext
) -> DeleteAclsResponse:
    """Each is refused."""
    return DeleteAclsResponse(
        filter_results=[
            DeleteAclsFilterResult(error_code=ErrorCode.SECURITY_DISABLED, error_message=_NO_AUTHORIZER)
            for _ in request.filters
        ]
    )


@handles(CreateDelegationTokenRequest, CreateDelegationTokenResponse, versions=(1, 3))
def create_delegation_token(
    _broker: "BrokerServer", request: CreateDelegationTokenRequest, context: RequestContext
) -> CreateDelegationTokenResponse:
    """Refused; the answer names who would have owned the token, and who asked (version 3)."""
    kind, name = context.principal.principal_type, context.principal.name
    tells_requester = context.api_version >= 3
    return CreateDelegationTokenResponse(
        error_code=ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED,
        principal_type=request.owner_principal_type or kind,
        principal_name=request.owner_principal_name or name,
        token_requester_principal_type=kind if tells_requester else "",
        token_requester_principal_name=name if tells_requester else "",
        issue_timestamp_ms=-1,
        expiry_timestamp_ms=-1,
        max_timestamp_ms=-1,
    )


@handles(RenewDelegationTokenRequest, RenewDelegationTokenResponse, versions=(1, 2))
def renew_delegation_token(
    _broker: "BrokerServer", _request: RenewDelegationTokenRequest, _context: RequestContext
) -> RenewDelegationTokenResponse:
    """Refused."""
    return RenewDelegationTokenResponse(
        error_code=ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, expiry_timestamp_ms=-1
    )


@handles(ExpireDelegationTokenRequest, ExpireDelegationTokenResponse, versions=(1, 2))
def expire_delegation_token(
    _broker: "BrokerServer", _request: ExpireDelegationTokenRequest, _context: RequestContext
) -> ExpireDelegationTokenResponse:
    """Refused."""
    return ExpireDelegationTokenResponse(
        error_code=ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, expiry_timestamp_ms=-1
    )


@handles(DescribeDelegationTokenRequest, DescribeDelegationTokenResponse, versions=(1, 3))
def describe_delegation_token(
    _broker: "BrokerServer", _request: DescribeDelegationTokenRequest, _context: RequestContext
) -> DescribeDelegationTokenResponse:
    """Refused."""
    return DescribeDelegationTokenResponse(error_code=ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED)
