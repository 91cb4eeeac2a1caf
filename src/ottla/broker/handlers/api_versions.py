"""ApiVersions (key 18), versions 0 to 4: what this broker serves, made from the handlers' registrations.

3: the client's name and version; features (KIP-584). 4: supported features whose lowest level is 0 may be told
(KAFKA-17011). A version from the future is answered in version 0 (KIP-511), by the connection.
"""

import re
from typing import TYPE_CHECKING

from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.api_versions import (
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
    FinalizedFeatureKey,
    SupportedFeatureKey,
)

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_SOFTWARE_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")
"""KIP-511's rule for the client's name and version, which go into metrics' labels."""


@handles(ApiVersionsRequest, ApiVersionsResponse, versions=(0, 4))
def api_versions(
    broker: "BrokerServer", request: ApiVersionsRequest, context: RequestContext
) -> ApiVersionsResponse:
    """The versions of every API, and the features of the cluster."""
    if context.api_version >= 3:
        name, version = request.client_software_name, request.client_software_version
        if not _SOFTWARE_NAME.fullmatch(name) or not _SOFTWARE_NAME.fullmatch(version):
            return ApiVersionsResponse(error_code=ErrorCode.INVALID_REQUEST)
        context.connection.client_software_name = name
        context.connection.client_software_version = version
    image = broker.metadata.image
    return ApiVersionsResponse(
        api_keys=[
            ApiVersion(api_key=api_key, min_version=lowest, max_version=highest)
            for api_key, lowest, highest in broker.routes.announced
        ],
        supported_features=[
            SupportedFeatureKey(name=name, min_version=lowest, max_version=highest)
            for name, (lowest, highest) in sorted(broker.features.supported.items())
            if lowest > 0 or context.api_version >= 4
        ],
        finalized_features_epoch=image.finalized_features_epoch,
        finalized_features=[
            FinalizedFeatureKey(name=name, min_version_level=level, max_version_level=level)
            for name, level in sorted(image.finalized_features.items())
        ],
    )
