"""A delegation token as a value (KIP-48): who it speaks for, who may prolong it, until when.

Its secret isn't here: it follows from the id and from the secret that all brokers are given, so the tree never holds it.

    issue                          expiry: renewed now and then         maximum: not beyond
    ──┴───────────────────────────────┴─────────────────────────────────────┴──▶ ms since 1970
"""

from __future__ import annotations

from typing import NamedTuple


class DelegationToken(NamedTuple):
    """Principals are texts, `User:alice`."""

    token_id: str
    """22 characters: a UUID as Kafka writes them."""
    owner: str
    """Whoever logs in by the token is this."""
    requester: str
    """Who asked for it: the owner, or someone who may make tokens for the owner (KIP-373)."""
    renewers: tuple[str, ...]
    issue_timestamp_ms: int
    max_timestamp_ms: int
    expiry_timestamp_ms: int

    def concerns(self, principal: str) -> bool:
        """Whether this is one of those who may know of the token without being granted it."""
        return principal in (self.owner, self.requester) or principal in self.renewers

    def may_be_renewed_by(self, principal: str) -> bool:
        """Or expired."""
        return principal == self.owner or principal in self.renewers

    def is_over(self, now_ms: int) -> bool:
        """Whether it lets nobody in any more."""
        return self.max_timestamp_ms < now_ms or self.expiry_timestamp_ms < now_ms
