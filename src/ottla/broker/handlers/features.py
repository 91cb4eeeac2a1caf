"""UpdateFeatures (key 57), versions 0 to 2: levels of features, changed for the whole cluster (KIP-584).

1: the kind of change in place of `allow_downgrade`, and validate-only. 2: all features or none, without a result for each
(KIP-1022). Apache's controller takes all or none in the older versions as well, and every change of version 0 for an upgrade.
"""

from typing import TYPE_CHECKING

from ottla.broker.access import on_cluster
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.later import answer_later
from ottla.broker.pending import Pending
from ottla.cluster.features import FeatureUpdate
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.update_features import (
    UpdatableFeatureResult,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


@handles(
    UpdateFeaturesRequest, UpdateFeaturesResponse, versions=(0, 2), needs=(on_cluster(AclOperation.ALTER),)
)
def update_features(
    broker: "BrokerServer", request: UpdateFeaturesRequest, context: RequestContext
) -> Pending[UpdateFeaturesResponse]:
    """Finalize other levels."""
    updates = [
        FeatureUpdate(each.feature, each.max_version_level, each.upgrade_type)
        for each in request.feature_updates
    ]

    async def answer() -> UpdateFeaturesResponse:
        try:
            await broker.metadata.update_features(updates, validate_only=request.validate_only)
        except KafkaError as error:
            if error.code is not ErrorCode.INVALID_UPDATE_VERSION:
                raise
            return UpdateFeaturesResponse(
                error_code=error.code,
                error_message="The update failed for all features since the following feature had an error: "
                f"{error.message}",
            )
        results = [
            UpdatableFeatureResult(feature=each.name, error_message=ErrorCode.NONE.name) for each in updates
        ]
        return UpdateFeaturesResponse(error_message=None, results=results if context.api_version < 2 else [])

    return answer_later(answer())
