"""Features seen in ApiVersions and changed by UpdateFeatures."""

from collections.abc import Callable

import pytest
from wire_client import WireClient

from brokers import ProcessBroker
from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.update_features import (
    FeatureUpdateKey,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)

UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE = 1, 2, 3
ALL_FAILED = "The update failed for all features since the following feature had an error: "


def versions(wire: WireClient, version: int = 4) -> ApiVersionsResponse:
    request = ApiVersionsRequest(client_software_name="test", client_software_version="1")
    return wire.ask(request, ApiVersionsResponse, version)


def supported(wire: WireClient, version: int = 4) -> dict[str, tuple[int, int]]:
    return {
        each.name: (each.min_version, each.max_version) for each in versions(wire, version).supported_features
    }


def finalized(wire: WireClient) -> dict[str, int]:
    return {each.name: each.max_version_level for each in versions(wire).finalized_features}


def update(
    wire: WireClient, *updates: tuple[str, int, int], version: int = 1, validate_only: bool = False
) -> UpdateFeaturesResponse:
    keys = [
        FeatureUpdateKey(feature=name, max_version_level=level, upgrade_type=kind)
        for name, level, kind in updates
    ]
    request = UpdateFeaturesRequest(timeout_ms=10_000, feature_updates=keys, validate_only=validate_only)
    return wire.ask(request, UpdateFeaturesResponse, version)


def test_the_features_of_a_new_cluster(wire: WireClient) -> None:
    """What 4.1.1 supports and finalizes for clients: groups and transactions are on, share groups can be."""
    expected = {"group.version": (0, 1), "share.version": (0, 1), "transaction.version": (0, 2)}
    assert supported(wire).items() >= expected.items()
    assert "streams.version" not in supported(wire)
    levels = finalized(wire)
    assert {"group.version": 1, "transaction.version": 2}.items() <= levels.items()
    assert not {"share.version", "streams.version"} & set(levels)
    assert versions(wire).finalized_features_epoch >= 0


def test_older_clients_are_not_told_of_features_that_begin_at_zero(wire: WireClient) -> None:
    """KAFKA-17011: they could not read the answer."""
    assert not {name for name, (lowest, _) in supported(wire, 3).items() if lowest == 0}


@pytest.mark.parametrize("version", [1, 2])
def test_a_feature_is_switched_on_and_off(wire: WireClient, version: int) -> None:
    """With a result for each feature before version 2; the epoch rises, and ApiVersions tells the level."""
    before = versions(wire).finalized_features_epoch
    answer = update(wire, ("share.version", 1, UPGRADE), version=version)
    assert (answer.error_code, answer.error_message) == (ErrorCode.NONE, None)
    rows = [(each.feature, each.error_code, each.error_message) for each in answer.results]
    assert rows == ([("share.version", 0, "NONE")] if version == 1 else [])
    until(lambda: finalized(wire), lambda levels: levels.get("share.version") == 1)
    assert versions(wire).finalized_features_epoch > before
    assert update(wire, ("share.version", 0, SAFE_DOWNGRADE), version=version).error_code == ErrorCode.NONE
    until(lambda: finalized(wire), lambda levels: "share.version" not in levels)


def test_validate_only_changes_nothing(wire: WireClient) -> None:
    """It is answered as if it had been done."""
    assert update(wire, ("share.version", 1, UPGRADE), validate_only=True).error_code == ErrorCode.NONE
    assert "share.version" not in finalized(wire)


REFUSED = [
    (("group.version", 0, UPGRADE), "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."),
    (("group.version", 7, UPGRADE), "Local controller 1 only supports versions 0-1"),
    (("group.version", -1, UPGRADE), "A feature version cannot be less than 0."),
    (("no.such.version", 1, UPGRADE), "Local controller 1 does not support this feature."),
    (("streams.version", 1, UPGRADE), "Local controller 1 does not support this feature."),
    (("share.version", 1, UNSAFE_DOWNGRADE), "Can't downgrade to a newer version."),
    (("group.version", 1, 0), "The controller does not support the given upgrade type."),
    (("group.version", 1, 9), "The controller does not support the given upgrade type."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "reason"), REFUSED, ids=lambda each: each[0] if isinstance(each, tuple) else ""
)
def test_what_is_refused(wire: WireClient, wanted: tuple[str, int, int], reason: str) -> None:
    """With Apache's words, for the request as a whole."""
    answer = update(wire, wanted)
    assert answer.error_code == ErrorCode.INVALID_UPDATE_VERSION
    name, level, _ = wanted
    assert answer.error_message == f"{ALL_FAILED}Invalid update version {level} for feature {name}. {reason}"
    assert answer.results == []


def test_one_that_fails_fails_all(wire: WireClient) -> None:
    """Even those before it."""
    answer = update(wire, ("share.version", 1, UPGRADE), ("no.such.version", 1, UPGRADE))
    assert answer.error_code == ErrorCode.INVALID_UPDATE_VERSION
    assert "share.version" not in finalized(wire)


def test_unstable_features_and_versions(start_broker: Callable[..., ProcessBroker]) -> None:
    """What is still in the making is there for those who ask for it, and a new cluster has it switched on."""
    broker = start_broker(
        {"unstable.api.versions.enable": "true", "unstable.feature.versions.enable": "true"}
    )
    with WireClient(broker.host, broker.port) as wire:
        assert supported(wire)["streams.version"] == (0, 1)
        assert {"share.version": 1, "streams.version": 1}.items() <= finalized(wire).items()


def test_a_choice_outlives_a_restart(start_broker: Callable[..., ProcessBroker]) -> None:
    """Also that of a level below the one that a new cluster gets."""
    broker = start_broker()
    with WireClient(broker.host, broker.port) as wire:
        wanted = ("transaction.version", 1, SAFE_DOWNGRADE), ("group.version", 0, SAFE_DOWNGRADE)
        assert update(wire, *wanted).error_code == ErrorCode.NONE
    broker.stop()
    broker.start()
    with WireClient(broker.host, broker.port) as wire:
        levels = until(lambda: finalized(wire), lambda levels: "transaction.version" in levels)
        assert levels["transaction.version"] == 1
        assert "group.version" not in levels
