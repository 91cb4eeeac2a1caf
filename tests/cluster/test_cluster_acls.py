"""Access rules in the tree: Apache 3.9's nodes, found again by whoever reads it anew."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from controller_cases import controller, image_of
from hypothesis import given, settings
from hypothesis import strategies as st
from simple_rules import SimpleRules

from ottla.cluster import acl_nodes, paths
from ottla.cluster.acl_bindings import (
    AclBinding,
    AclEntry,
    AclNode,
    AclOperation,
    PatternType,
    PermissionType,
    ResourcePattern,
    ResourceType,
)
from ottla.cluster.acl_changes import MAX_NODE_BYTES
from ottla.cluster.embedded import EmbeddedTree
from ottla.cluster.image import Endpoint, ImageDraft, MetadataDelta, MetadataImage
from ottla.cluster.metadata import Metadata
from ottla.cluster.rules import MetadataSettings
from ottla.cluster.tree import Create
from ottla.cluster.znodes import MalformedNode
from ottla.protocol.errors import ErrorCode

ORDERS = ResourcePattern(ResourceType.TOPIC, "orders", PatternType.LITERAL)
APPS = ResourcePattern(ResourceType.GROUP, "app-", PatternType.PREFIXED)
READ = AclEntry("User:alice", "*", AclOperation.READ, PermissionType.ALLOW)
NO_WRITE = AclEntry("User:*", "192.0.2.1", AclOperation.WRITE, PermissionType.DENY)

known_types = st.sampled_from(list(acl_nodes.RESOURCE_TYPES.values()))
pattern_types = st.sampled_from([PatternType.LITERAL, PatternType.PREFIXED])
patterns = st.builds(ResourcePattern, known_types, st.text(min_size=1, max_size=20), pattern_types)
entries = st.builds(
    AclEntry,
    st.text(max_size=8).map(lambda name: f"User:{name}"),
    st.text(max_size=8),
    st.sampled_from(list(AclOperation)[2:]),
    st.sampled_from([PermissionType.ALLOW, PermissionType.DENY]),
)


def serving(path: Path, scenario: Callable[[Metadata, EmbeddedTree], Awaitable[None]]) -> None:
    """On a metadata file that is there from the last time, or new."""

    async def run() -> None:
        count = iter(range(1, 1_000))
        tree = EmbeddedTree(str(path / "metadata.sqlite"))
        metadata = Metadata(
            tree,
            MetadataSettings(0, has_authorizer=True),
            SimpleRules(),
            random_bytes=lambda size: next(count).to_bytes(size),
            now_ms=lambda: 0,
        )
        await metadata.open()
        await metadata.register([Endpoint("PLAINTEXT", "PLAINTEXT", "localhost", 9092)])
        try:
            await scenario(metadata, tree)
        finally:
            await metadata.close()

    asyncio.run(run())


def test_what_stands_in_the_tree(tmp_path: Path) -> None:
    """A node a pattern, each rule in Apache's words; a broker that starts finds all of it, and takes it away."""

    async def write(metadata: Metadata, tree: EmbeddedTree) -> None:
        asked = [AclBinding(ORDERS, READ), AclBinding(APPS, READ), AclBinding(ORDERS, NO_WRITE)]
        outcomes = await metadata.create_acls([*asked, asked[0]])
        assert [each.error for each in outcomes] == [ErrorCode.NONE] * 4
        data, stat = await tree.get("/kafka-acl/Topic/orders")
        assert stat.version == 0
        assert data == (
            b'{"acls":[{"principal":"User:alice","permissionType":"Allow","host":"*","operation":"Read"},'
            b'{"principal":"User:*","permissionType":"Deny","host":"192.0.2.1","operation":"Write"}],"version":1}'
        )
        data, _ = await tree.get("/kafka-acl-extended/prefixed/Group/app-")
        assert json.loads(data)["acls"] == [
            {"principal": "User:alice", "permissionType": "Allow", "operation": "Read", "host": "*"}
        ]

    async def read(metadata: Metadata, tree: EmbeddedTree) -> None:
        assert metadata.image.acls == {ORDERS: AclNode((READ, NO_WRITE)), APPS: AclNode((READ,))}
        await metadata.delete_acls([AclBinding(ORDERS, READ)])
        assert metadata.image.acls[ORDERS] == AclNode((NO_WRITE,), version=1)
        await metadata.delete_acls([AclBinding(ORDERS, NO_WRITE), AclBinding(APPS, READ)])
        assert metadata.image.acls == {}
        assert await tree.children("/kafka-acl/Topic") == []
        assert await tree.children("/kafka-acl-extended/prefixed/Group") == []

    serving(tmp_path, write)
    serving(tmp_path, read)


def test_subscribers_hear_which_patterns_changed(tmp_path: Path) -> None:
    """And of none where a rule was there already."""

    async def scenario(metadata: Metadata, _tree: EmbeddedTree) -> None:
        heard: list[frozenset[ResourcePattern]] = []

        def hear(_image: MetadataImage, delta: MetadataDelta) -> None:
            heard.append(delta.changed_acls)

        metadata.subscribe(hear)
        await metadata.create_acls([AclBinding(ORDERS, READ), AclBinding(APPS, READ)])
        await metadata.create_acls([AclBinding(ORDERS, READ)])
        await metadata.delete_acls([AclBinding(APPS, READ), AclBinding(ORDERS, NO_WRITE)])
        await metadata.delete_acls([AclBinding(APPS, READ)])
        assert heard == [frozenset({ORDERS, APPS}), frozenset({APPS})]

    serving(tmp_path, scenario)


def test_the_nodes_that_rules_hang_on() -> None:
    """As `KafkaZkClient.createAclPaths` makes them; without an authorizer there are none."""
    apaches = {each for each in acl_nodes.PERSISTENT if not each.startswith("/ottla/")}
    types = ["Topic", "Group", "Cluster", "TransactionalId", "DelegationToken", "User"]
    assert apaches == {
        *(f"/kafka-acl/{each}" for each in types),
        *(f"/kafka-acl-extended/prefixed/{each}" for each in types),
        "/kafka-acl-changes",
        "/kafka-acl-extended-changes",
    }


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("orders", "/kafka-acl/Group/orders"),
        ("*", "/kafka-acl/Group/*"),
        ("ä b%", "/kafka-acl/Group/ä b%"),
        ("a/b", "/ottla/acl/literal/Group/a%2Fb"),
        ("/", "/ottla/acl/literal/Group/%2F"),
        ("..", "/ottla/acl/literal/Group/%2E%2E"),
        ("a\nb", "/ottla/acl/literal/Group/a%0Ab"),
        ("a/../../Topic/b", "/ottla/acl/literal/Group/a%2F%2E%2E%2F%2E%2E%2FTopic%2Fb"),
    ],
)
def test_names_and_paths(name: str, path: str) -> None:
    """What no path can hold has a node of ours, so that no name reaches another's rules."""
    assert acl_nodes.path(ResourcePattern(ResourceType.GROUP, name, PatternType.LITERAL)) == path


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(patterns, st.lists(entries, min_size=1, max_size=3, unique=True), max_size=5))
def test_rules_are_found_again(rules: dict[ResourcePattern, list[AclEntry]]) -> None:
    """Whatever their names: each in a path of its own, that a tree takes."""

    async def run() -> None:
        tree = EmbeddedTree(":memory:")
        await tree.open()
        try:
            above = dict.fromkeys(
                each for path in acl_nodes.PERSISTENT for each in [*paths.ancestors(path), path]
            )
            held = {acl_nodes.path(pattern): acl_nodes.encode(those) for pattern, those in rules.items()}
            assert len(held) == len(rules)
            await tree.multi([Create(each) for each in above])
            await tree.multi([Create(path, data) for path, data in held.items()])
            draft = ImageDraft(MetadataImage())
            await acl_nodes.read_acls(tree, draft)
            found, _ = draft.finish()
            assert found.acls == {pattern: AclNode(tuple(those)) for pattern, those in rules.items()}
        finally:
            await tree.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b'{"version":2,"acls":[]}',
        b'{"version":1}',
        b'{"version":1,"acls":[{}]}',
        b'{"version":1,"acls":[{"principal":"alice","permissionType":"Deny","operation":"Read","host":"*"}]}',
        b'{"version":1,"acls":[{"principal":"User:a","permissionType":"Deny","operation":"Fly","host":"*"}]}',
        b'{"version":1,"acls":[{"principal":"User:a","permissionType":"No","operation":"Read","host":"*"}]}',
        b'{"version":1,"acls":[{"principal":"User:a","permissionType":3,"operation":"Read","host":"*"}]}',
        b'{"version":1,"acls":7}',
    ],
)
def test_rules_that_can_t_be_read_are_not_passed_over(data: bytes) -> None:
    """A denial that is left out lets somebody in: the broker doesn't start, and names the node."""
    with pytest.raises(MalformedNode, match="/kafka-acl/Topic/orders"):
        acl_nodes.decode("/kafka-acl/Topic/orders", data)


def test_other_brokers_hear_of_changed_rules() -> None:
    """Where brokers share the tree, by sequential nodes of which Apache's literal ones are no JSON."""
    literal = ResourcePattern(ResourceType.TRANSACTIONAL_ID, "orders", PatternType.LITERAL)
    decision = controller(announce_configs=True).create_acls(
        image_of([0]), [AclBinding(literal, READ), AclBinding(APPS, READ)]
    )
    announced = {
        each.path: each.data
        for step in decision.steps
        for each in step
        if isinstance(each, Create) and each.sequence
    }
    assert announced == {
        "/kafka-acl-changes/acl_changes_": b"TRANSACTIONAL_ID:orders",
        "/kafka-acl-extended-changes/acl_changes_": (
            b'{"version":1,"resourceType":"GROUP","name":"app-","patternType":"PREFIXED"}'
        ),
    }


def test_many_rules_are_written_in_steps() -> None:
    """Each of them one that ZooKeeper takes in one request."""
    asked = [AclBinding(ORDERS._replace(name=f"t{number}"), READ) for number in range(10_000)]
    decision = controller().create_acls(image_of([0]), asked)
    assert max(map(len, decision.steps)) <= 1_001
    image, delta = decision.draft.finish()
    assert len(image.acls) == len(delta.changed_acls) == 10_000
    decision = controller().delete_acls(image, [*asked, *asked])
    assert max(map(len, decision.steps)) <= 1_001
    assert decision.draft.finish()[0].acls == {}


def test_a_node_holds_what_zookeeper_would_take() -> None:
    """Rules of one pattern without end are refused, those of others in the request are made."""
    long = "x" * 30_000
    asked = [
        AclBinding(ORDERS, READ._replace(principal=f"User:{number}{long}"))
        for number in range(MAX_NODE_BYTES // 30_000 + 1)
    ]
    decision = controller().create_acls(image_of([0]), [*asked, AclBinding(APPS, READ)])
    errors = [each.error for each in decision.outcomes]
    assert errors == [ErrorCode.INVALID_REQUEST] * len(asked) + [ErrorCode.NONE]
    image, _ = decision.draft.finish()
    assert image.acls == {APPS: AclNode((READ,))}
