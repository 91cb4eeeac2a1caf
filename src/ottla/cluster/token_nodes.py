"""Delegation tokens in the tree: where they lie, and their bytes, as Apache Kafka 3.9 has them (`ZkData`).

    /delegation_token/tokens/<token id>                       {"version":3,"tokenId":"…","owner":"User%3Aalice",…}
    /delegation_token/token_changes/token_change_<sequence>   <token id>: tells other brokers to read it anew

A token's secret is not in it: every broker can compute it. Source: `DelegationTokenInfoZNode`, `DelegationTokenManagerZk`.
"""

from __future__ import annotations

import json
from typing import Final

from ottla.cluster import paths
from ottla.cluster.delegation_token import DelegationToken
from ottla.cluster.image import ImageDraft
from ottla.cluster.sanitized_names import desanitized, sanitized
from ottla.cluster.tree import Tree
from ottla.cluster.znodes import MalformedNode

VERSION: Final = 3
TOKENS: Final = f"{paths.DELEGATION_TOKENS}/tokens"
CHANGES: Final = f"{paths.DELEGATION_TOKENS}/token_changes"
PERSISTENT: Final = (TOKENS, CHANGES)
"""Made, with their parent, where tokens are served (`KafkaZkClient.createDelegationTokenPaths`)."""


def path(token_id: str) -> str:
    """The node of a token."""
    return f"{TOKENS}/{token_id}"


def change(token_id: str) -> tuple[str, bytes]:
    """Path, of a node to be created in sequence, and bytes by which other brokers hear of a change."""
    return f"{CHANGES}/token_change_", token_id.encode()


def encode(token: DelegationToken) -> bytes:
    """The members in the order in which Apache's Scala map gives them."""
    return json.dumps(
        {
            "issueTimestamp": token.issue_timestamp_ms,
            "renewers": [sanitized(each) for each in token.renewers],
            "tokenRequester": sanitized(token.requester),
            "tokenId": token.token_id,
            "owner": sanitized(token.owner),
            "expiryTimestamp": token.expiry_timestamp_ms,
            "maxTimestamp": token.max_timestamp_ms,
            "version": VERSION,
        },
        separators=(",", ":"),
    ).encode()


def decode(path: str, data: bytes) -> DelegationToken:
    """Nodes of versions 1 and 2 name no requester: there it was the owner. Raises `MalformedNode`."""
    try:
        node = json.loads(data)
        owner = desanitized(_text(node["owner"]))
        return DelegationToken(
            token_id=_text(node["tokenId"]),
            owner=owner,
            requester=desanitized(_text(node["tokenRequester"])) if "tokenRequester" in node else owner,
            renewers=tuple(desanitized(_text(each)) for each in node["renewers"]),
            issue_timestamp_ms=int(node["issueTimestamp"]),
            max_timestamp_ms=int(node["maxTimestamp"]),
            expiry_timestamp_ms=int(node["expiryTimestamp"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MalformedNode(path, f"it is no delegation token ({type(error).__name__})") from error


async def read_tokens(tree: Tree, draft: ImageDraft) -> None:
    """All tokens of the tree into the draft. Raises `MalformedNode`."""
    (ids,) = await tree.children_many([TOKENS])
    token_paths = [path(token_id) for token_id in ids or ()]
    nodes = await tree.get_many(token_paths) if token_paths else []
    tokens = [
        decode(token_path, node[0])
        for token_path, node in zip(token_paths, nodes, strict=True)
        if node is not None
    ]
    if tokens or draft.older.tokens:
        draft.set_tokens({token.token_id: token for token in tokens})


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
