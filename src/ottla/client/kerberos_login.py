"""Logging in by GSSAPI: with a Kerberos ticket for the broker's service (RFC 4752).

    client   token ─▶ gss_init_sec_context ─▶ token, until the context stands          mutual: the broker proves itself too
    server   wrapped: 1 byte security layers that it knows, 3 bytes greatest size
    client   wrapped: 1 byte the layer it takes (1: none, as all of Kafka's clients), 3 bytes 0

The ticket is the one that `kinit` has put into the cache, or one that MIT Kerberos gets by a key table. Its library may wait
for the KDC: steps are for a thread. Python's `gssapi` package is loaded by the first log-in.
"""

from typing import TYPE_CHECKING

from ottla.client.sasl import Exchange, LoginError

if TYPE_CHECKING:
    import gssapi

_NO_LAYER = 1


class KerberosLogin:
    """A principal of Kerberos."""

    __slots__ = ("_key_table", "_principal", "_service_name")

    mechanism = "GSSAPI"

    def __init__(self, service_name: str = "kafka", principal: str = "", key_table: str = "") -> None:
        """`service_name` is the brokers'. `key_table`: a file with the principal's key; empty, the ticket in the cache is used,
        whose it may be, or the principal's where one is named."""
        self._service_name = service_name
        self._principal = principal
        self._key_table = key_table

    def __repr__(self) -> str:
        return f"KerberosLogin({self._service_name!r}, {self._principal!r})"

    def exchange(self, host: str) -> Exchange:
        try:
            from gssapi.raw.misc import GSSError  # noqa: PLC0415 - see the module
        except ImportError as error:
            raise LoginError(
                f"GSSAPI needs Python's gssapi package ({error}): pip install 'ottla[kerberos]'"
            ) from error
        try:
            context = self._context(host)
            token = context.step()
            while True:
                answer = yield token or b""
                if context.complete:
                    break
                token = context.step(answer)
            offer = context.unwrap(answer).message
            if len(offer) != 4 or not offer[0] & _NO_LAYER:
                raise LoginError("the broker wants a security layer, which Kafka's clients do not speak")
            yield context.wrap(bytes((_NO_LAYER, 0, 0, 0)), encrypt=False).message
        except GSSError as error:
            raise LoginError(f"Kerberos: {' '.join(str(error).split())[:300]}") from None

    def _context(self, host: str) -> "gssapi.SecurityContext":
        import gssapi  # noqa: PLC0415 - see the module

        target = gssapi.Name(f"{self._service_name}@{host}", gssapi.NameType.hostbased_service)
        name = gssapi.Name(self._principal, gssapi.NameType.kerberos_principal) if self._principal else None
        # A cache of its own, in memory: what was got by a key table must not replace a user's ticket.
        store: dict[bytes | str, bytes | str] = {
            "client_keytab": f"FILE:{self._key_table}",
            "ccache": f"MEMORY:ottla-{id(self)}",
        }
        credentials = gssapi.Credentials(
            name=name, usage="initiate", store=store if self._key_table else None
        )
        context = gssapi.SecurityContext(
            name=target,
            creds=credentials,
            usage="initiate",
            mech=gssapi.MechType.kerberos,
            flags=gssapi.RequirementFlag.mutual_authentication | gssapi.RequirementFlag.integrity,
        )
        # Else an error is told by the next step only, after another token has been sent.
        context.__DEFER_STEP_ERRORS__ = False  # type: ignore[attr-defined]
        return context
