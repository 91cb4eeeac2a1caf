"""Quotas and SCRAM credentials in the tree: Apache 3.9's nodes, found again by whoever reads it anew."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from controller_cases import controller, image_of
from hypothesis import given
from hypothesis import strategies as st
from simple_rules import SimpleRules

from ottla.cluster import paths
from ottla.cluster.embedded import EmbeddedTree
from ottla.cluster.image import ConfigResource, ConfigType, Endpoint
from ottla.cluster.metadata import Metadata
from ottla.cluster.quota_changes import FilterComponent, Match, QuotaAlteration, describe_quotas
from ottla.cluster.quota_entities import ABSENT, QuotaEntity, entity_of
from ottla.cluster.rules import MetadataSettings
from ottla.cluster.scram_changes import Mechanism, ScramAlteration, credentials
from ottla.cluster.tree import Create
from ottla.protocol.errors import ErrorCode

ENDPOINTS = [Endpoint("PLAINTEXT", "PLAINTEXT", "localhost", 9092)]

names = st.none() | st.text(min_size=1)
absent = st.just(ABSENT)
addresses = st.none() | st.ip_addresses().map(str)
entity_values = (
    st.builds(QuotaEntity, names, absent | names, absent)
    | st.builds(QuotaEntity, absent, names, absent)
    | st.builds(QuotaEntity, absent, absent, addresses)
)


@given(entity_values.filter(lambda each: "<default>" not in (each.user, each.client_id)))
def test_a_node_s_name_tells_whose_it_is(entity: QuotaEntity) -> None:
    """Whatever characters stand in the names: none of them makes another path."""
    resource = entity.resource()
    assert entity_of(resource) == entity
    assert paths.config(resource).count("/") == {1: 3, 2: 5}[len(entity.parts())]


@pytest.mark.parametrize(
    ("entity", "path"),
    [
        (QuotaEntity("alice", "reader"), "/config/users/alice/clients/reader"),
        (QuotaEntity(None, None), "/config/users/<default>/clients/<default>"),
        (QuotaEntity("ä b/*~"), "/config/users/%C3%A4%20b%2F%2A%7E"),
        (QuotaEntity(client_id="a.b-c_d"), "/config/clients/a.b-c_d"),
        (QuotaEntity(ip="10.0.0.1"), "/config/ips/10.0.0.1"),
    ],
)
def test_the_nodes_are_apaches(entity: QuotaEntity, path: str) -> None:
    """As 3.9's `Sanitizer` and `ZkData` write them."""
    assert paths.config(entity.resource()) == path


def metadata_on(tree: EmbeddedTree) -> Metadata:
    count = iter(range(1, 1_000))
    return Metadata(
        tree,
        MetadataSettings(0),
        SimpleRules(),
        random_bytes=lambda size: next(count).to_bytes(size),
        now_ms=lambda: 0,
    )


def serving(path: Path, scenario: Callable[[Metadata, EmbeddedTree], Awaitable[None]]) -> None:
    async def run() -> None:
        tree = EmbeddedTree(str(path / "metadata.sqlite"))
        metadata = metadata_on(tree)
        await metadata.open()
        await metadata.register(ENDPOINTS)
        try:
            await scenario(metadata, tree)
        finally:
            await metadata.close()

    asyncio.run(run())


def quota(user: str | None, client_id: str | None = ABSENT, **limits: float | None) -> QuotaAlteration:
    parts = QuotaEntity(user, client_id).parts()
    return QuotaAlteration(list(parts.items()), list(limits.items()))


def test_what_stands_in_the_tree(tmp_path: Path) -> None:
    """Numbers as 3.9 writes them, with the nodes above; a broker that starts finds all of it."""
    alterations = [
        quota("alice", "reader", producer_byte_rate=1024.0, request_percentage=12.5),
        quota("alice", None, consumer_byte_rate=2048.0),
        quota(None, controller_mutation_rate=1e10),
    ]

    async def write(metadata: Metadata, tree: EmbeddedTree) -> None:
        outcomes = await metadata.alter_client_quotas(alterations)
        assert [each.error for each in outcomes] == [ErrorCode.NONE] * 3
        data, _ = await tree.get("/config/users/alice/clients/reader")
        held = {"producer_byte_rate": "1024", "request_percentage": "12.5"}
        assert json.loads(data) == {"version": 1, "config": held}
        data, _ = await tree.get("/config/users/<default>")
        assert json.loads(data)["config"] == {"controller_mutation_rate": "1.0E10"}

    async def read(metadata: Metadata, _tree: EmbeddedTree) -> None:
        found = dict(describe_quotas(metadata.image, [], strict=False))
        assert found == {
            QuotaEntity("alice", "reader"): {"producer_byte_rate": 1024.0, "request_percentage": 12.5},
            QuotaEntity("alice", None): {"consumer_byte_rate": 2048.0},
            QuotaEntity(None): {"controller_mutation_rate": 1e10},
        }
        [(gone)] = await metadata.alter_client_quotas([quota("alice", None, consumer_byte_rate=None)])
        assert gone.error is ErrorCode.NONE
        by_client = [FilterComponent("client-id", Match.SPECIFIED, None)]
        assert [each for each, _ in describe_quotas(metadata.image, by_client, strict=False)] == [
            QuotaEntity("alice", "reader")
        ]

    serving(tmp_path, write)
    serving(tmp_path, read)


def test_each_entity_of_a_request_by_itself(tmp_path: Path) -> None:
    """Those that are refused leave the others, and validate-only leaves all as they were."""
    alterations = [quota("alice", producer_byte_rate=1.0), quota("", producer_byte_rate=1.0)]

    async def scenario(metadata: Metadata, _tree: EmbeddedTree) -> None:
        refused = [ErrorCode.NONE, ErrorCode.INVALID_REQUEST]
        bad = QuotaAlteration([("user", "")], [("producer_byte_rate", 1.0)])
        asked = [alterations[0], bad]
        assert [
            each.error for each in await metadata.alter_client_quotas(asked, validate_only=True)
        ] == refused
        assert describe_quotas(metadata.image, [], strict=False) == []
        assert [each.error for each in await metadata.alter_client_quotas(asked)] == refused
        assert len(describe_quotas(metadata.image, [], strict=False)) == 1

    serving(tmp_path, scenario)


def test_other_brokers_hear_of_changed_quotas() -> None:
    """Where brokers share the tree, by a sequential node that names the entity's path."""
    image = image_of([0])
    decision = controller(announce_configs=True).alter_client_quotas(
        image, [quota("alice", "c", producer_byte_rate=1.0)]
    )
    announced = [
        each for step in decision.steps for each in step if isinstance(each, Create) and each.sequence
    ]
    assert [json.loads(each.data)["entity_path"] for each in announced] == ["users/alice/clients/c"]


def test_a_credential_proves_a_password_without_being_one(tmp_path: Path) -> None:
    """RFC 5802's two keys, beside the user's quotas, which stay when the credential goes and the other way round."""
    salted = hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 4_096)

    async def scenario(metadata: Metadata, tree: EmbeddedTree) -> None:
        await metadata.alter_client_quotas([quota("alice", producer_byte_rate=1024.0)])
        change = ScramAlteration("alice", Mechanism.SCRAM_SHA_256, 4_096, b"salt", salted)
        assert [each.error for each in await metadata.alter_scram_credentials([change])] == [ErrorCode.NONE]
        held = json.loads((await tree.get("/config/users/alice"))[0])["config"]
        parts = dict(part.split("=", 1) for part in held["SCRAM-SHA-256"].split(","))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        assert base64.b64decode(parts["stored_key"]) == hashlib.sha256(client_key).digest()
        assert base64.b64decode(parts["server_key"]) == hmac.digest(salted, b"Server Key", "sha256")
        assert (parts["salt"], parts["iterations"]) == (base64.b64encode(b"salt").decode(), "4096")
        assert held["producer_byte_rate"] == "1024"
        assert dict(credentials(metadata.image)) == {"alice": {Mechanism.SCRAM_SHA_256: 4_096}}
        await metadata.alter_client_quotas([quota("alice", producer_byte_rate=None)])
        assert dict(credentials(metadata.image)) == {"alice": {Mechanism.SCRAM_SHA_256: 4_096}}
        gone = ScramAlteration("alice", Mechanism.SCRAM_SHA_256)
        assert [each.error for each in await metadata.alter_scram_credentials([gone])] == [ErrorCode.NONE]
        assert metadata.image.configs[ConfigResource(ConfigType.USER, "alice")] == {}

    serving(tmp_path, scenario)
