"""SaslHandshake (key 17, versions 0-1) and SaslAuthenticate (key 36, versions 0-2): see `broker/login`.

On a listener without SASL, and from a client that has logged in, they come out of turn; only a handshake may come
again, for a longer session (KIP-368).
"""

from typing import TYPE_CHECKING

from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.pending import Pending
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from ottla.protocol.messages.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


@handles(SaslHandshakeRequest, SaslHandshakeResponse, versions=(0, 1))
def sasl_handshake(
    _broker: "BrokerServer", request: SaslHandshakeRequest, context: RequestContext
) -> SaslHandshakeResponse | Pending[SaslHandshakeResponse]:
    """Choose the mechanism."""
    login = context.connection.login
    if login is None:
        return SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE)
    return login.handshake(request.mechanism, context.api_version)


@handles(SaslAuthenticateRequest, SaslAuthenticateResponse, versions=(0, 2))
def sasl_authenticate(
    _broker: "BrokerServer", request: SaslAuthenticateRequest, context: RequestContext
) -> SaslAuthenticateResponse | Pending[SaslAuthenticateResponse]:
    """The mechanism's next token."""
    login = context.connection.login
    if login is None or login.is_complete:
        return SaslAuthenticateResponse(
            error_code=ErrorCode.ILLEGAL_SASL_STATE,
            error_message="SaslAuthenticate request received after successful authentication",
        )
    return login.authenticate(bytes(request.auth_bytes))
