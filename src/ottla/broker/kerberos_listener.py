"""GSSAPI made of a listener's settings: whose keys it reads tickets by, and what user names it makes of principals.

    listener.name.NAME.gssapi.sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required
        useKeyTab=true storeKey=true keyTab="/etc/kafka/kafka.keytab" principal="kafka/broker1.example.com@EXAMPLE.COM";
    sasl.kerberos.service.name=kafka
    sasl.kerberos.principal.to.local.rules=DEFAULT

Without a JAAS entry the machine's key table is read (`KRB5_KTNAME`, /etc/krb5.keytab) for any service in it.
"""

from typing import TYPE_CHECKING, Final

from ottla.security.gssapi_mechanism import NAME, Gssapi, KerberosUnusable, acceptor, default_realm
from ottla.security.kerberos_names import UserNames

if TYPE_CHECKING:
    from ottla.broker.sasl_mechanisms import MechanismSource

_RULES: Final = "sasl.kerberos.principal.to.local.rules"
_SERVICE: Final = "sasl.kerberos.service.name"


def gssapi_mechanism(source: "MechanismSource") -> Gssapi:
    """GSSAPI for a listener. Raises `InvalidMechanismError`."""
    from ottla.broker.sasl_mechanisms import InvalidMechanismError  # noqa: PLC0415 - it imports this

    settings = source.settings
    entry = source.jaas_entry(NAME)
    options = {} if entry is None else entry.options
    principal = options.get("principal", "")
    service = str(settings.mechanism_value(NAME, _SERVICE) or "") or options.get("serviceName", "")
    if principal and service and principal.partition("@")[0].partition("/")[0] != service:
        raise InvalidMechanismError(
            source.setting_name(NAME),
            f"its principal {principal} is not of the service {service} ({_SERVICE})",
        )
    rules = settings.mechanism_value(NAME, _RULES)
    try:
        user_names = UserNames(rules if isinstance(rules, tuple) else (), default_realm())
    except ValueError as error:
        raise InvalidMechanismError(_RULES, str(error)) from None
    except KerberosUnusable as error:
        raise InvalidMechanismError("sasl.enabled.mechanisms", str(error)) from None
    try:
        return Gssapi(acceptor(principal, options.get("keyTab", "")), user_names)
    except KerberosUnusable as error:
        raise InvalidMechanismError(source.setting_name(NAME), str(error)) from None
