"""DefaultPrincipalData: a principal as a forwarded request carries it."""

from ottla.protocol.declare import BOOL, STRING, Data, field


class DefaultPrincipalData(Data, versions="0", flexible="0+"):
    """A principal as a forwarded request carries it."""

    type: str = field(STRING, "0+", default="")
    """The kind, by its number."""
    name: str = field(STRING, "0+", default="")
    """Its name."""
    token_authenticated: bool = field(BOOL, "0+", default=False)
    """Whether the principal logged in with a delegation token."""
