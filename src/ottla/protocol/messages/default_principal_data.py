"""DefaultPrincipalData: a principal as a forwarded request carries it."""

from ottla.protocol.declare import BOOL, STRING, Data, field


class DefaultPrincipalData(Data, versions="0", flexible="0+"):
    """A principal as a forwarded request carries it."""

    type: str = field(STRING, "0+", default="")
    name: str = field(STRING, "0+", default="")
    token_authenticated: bool = field(BOOL, "0+", default=False)
