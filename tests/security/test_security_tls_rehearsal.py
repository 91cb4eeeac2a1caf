"""The listener between brokers: stores by which brokers would refuse each other are refused at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from certificates import Authority, Identity, pem
from ottla.security.key_stores import StoreError, StoreSettings
from ottla.security.tls import server_tls
from ottla.security.tls_settings import TlsSettings

AUTHORITY, STRANGERS = Authority(), Authority("Strangers")
BROKER = AUTHORITY.issue("broker")
EXPIRED = AUTHORITY.issue("broker", valid_from_days=-9, valid_for_days=-1)
TOMORROW_S = AUTHORITY.issue("broker", valid_from_days=1)


def between_brokers(identity: Identity, trusted: str | None, **settings: str) -> TlsSettings:
    return TlsSettings(
        keystore=StoreSettings(
            subject="keystore",
            type="PEM",
            location="",
            certificates=identity.chain_pem(),
            key=identity.key_pem(),
        ),
        truststore=StoreSettings(subject="truststore", type="PEM", location="", certificates=trusted),
        is_between_brokers=True,
        **settings,
    )


@pytest.mark.parametrize("client_auth", ["none", "requested", "required"])
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_stores_that_fit_are_taken(client_auth: str, version: str) -> None:
    """In each version, and where brokers show certificates to each other."""
    settings = between_brokers(BROKER, AUTHORITY.pem(), client_auth=client_auth)
    assert server_tls(replace(settings, enabled_protocols=(version,))).peer is not None


@pytest.mark.parametrize(
    ("identity", "trusted", "said"),
    [
        (EXPIRED, AUTHORITY.pem(), "certificate has expired"),
        (TOMORROW_S, AUTHORITY.pem(), "certificate is not yet valid"),
        (BROKER, STRANGERS.pem(), "self-signed certificate in certificate chain"),
        (BROKER, None, "self-signed certificate in certificate chain"),
    ],
    ids=["expired", "not yet valid", "of strangers", "of an authority that the machine doesn't know"],
)
@pytest.mark.parametrize("client_auth", ["none", "required"])
def test_stores_that_brokers_would_refuse_are_refused(
    identity: Identity, trusted: str | None, said: str, client_auth: str
) -> None:
    """With Apache's words and the reason."""
    with pytest.raises(StoreError, match="can't connect to a server SSLEngine") as refused:
        server_tls(between_brokers(identity, trusted, client_auth=client_auth))
    assert said in str(refused.value)


@pytest.mark.parametrize("identity", [EXPIRED, TOMORROW_S, STRANGERS.issue("broker")])
def test_for_clients_alone_they_are_taken(identity: Identity) -> None:
    """It is for clients to judge."""
    settings = between_brokers(identity, AUTHORITY.pem())
    assert server_tls(replace(settings, is_between_brokers=False)).peer is None


def test_a_certificate_that_is_trusted_itself_needs_no_date() -> None:
    """As in Java, which asks no more of what the trust store holds."""
    server_tls(between_brokers(EXPIRED, pem(EXPIRED.certificate)))


def test_what_is_renewed_has_to_understand_what_it_replaces() -> None:
    """Brokers are renewed one after the other: those that have not been must be able to connect, and to be connected to."""
    current = server_tls(between_brokers(BROKER, AUTHORITY.pem()))
    server_tls(between_brokers(AUTHORITY.issue("broker"), AUTHORITY.pem()), current)
    stranger = between_brokers(STRANGERS.issue("broker"), STRANGERS.pem())
    server_tls(stranger)
    with pytest.raises(StoreError, match="can't connect to a server SSLEngine"):
        server_tls(stranger, current)
    both = between_brokers(STRANGERS.issue("broker"), STRANGERS.pem() + AUTHORITY.pem())
    with pytest.raises(StoreError, match="can't connect to a server SSLEngine"):
        server_tls(both, current)


def test_a_trust_store_is_not_added_later() -> None:
    """Apache's rule: brokers would begin to refuse whom they took before."""
    without = replace(between_brokers(BROKER, None), is_between_brokers=False)
    with pytest.raises(StoreError, match="Cannot add SSL truststore to an existing listener"):
        server_tls(
            replace(without, truststore=between_brokers(BROKER, AUTHORITY.pem()).truststore),
            server_tls(without),
        )
