"""Who a connection belongs to: a type and a name, written `User:alice`.

Source: `KafkaPrincipal`, `SecurityUtils.parseKafkaPrincipal`. As there, two principals are the same by type and name; how
one was proven (`token_authenticated`) doesn't tell them apart.
"""

from __future__ import annotations

from typing import Final, NamedTuple

USER_TYPE: Final = "User"


class KafkaPrincipal(NamedTuple):
    """The type is `User` for all that Kafka itself authenticates; ACLs may name any."""

    principal_type: str
    name: str
    token_authenticated: bool = False
    """Whether a delegation token was its proof: such a one may not make further tokens."""

    def __str__(self) -> str:
        return f"{self.principal_type}:{self.name}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, KafkaPrincipal):
            return NotImplemented
        return self.principal_type == other.principal_type and self.name == other.name

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.principal_type, self.name))


ANONYMOUS: Final = KafkaPrincipal(USER_TYPE, "ANONYMOUS")
"""Who has proven nothing: everyone on a PLAINTEXT listener, and on SSL without a client's certificate."""


def parse_principal(text: str) -> KafkaPrincipal:
    """`TYPE:NAME`; the name may hold colons. Raises `ValueError`."""
    principal_type, separator, name = text.partition(":")
    if not separator or not principal_type or not name:
        raise ValueError(f"expected a string in format principalType:principalName but got {text!r}")
    return KafkaPrincipal(principal_type, name)
