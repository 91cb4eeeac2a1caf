"""Files made for Apache's tools, given to ours."""

from pathlib import Path

import pytest

from ottla.cli.connection import connect, read_property_file
from ottla.cli.errors import UsageError
from ottla.cli.java_properties import in_librdkafkas_terms

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


def test_a_login_and_a_trust_store_are_told_in_librdkafkas_terms(tmp_path: Path) -> None:
    """What both call alike stays."""
    file = tmp_path / "client.properties"
    file.write_text(
        "# Apache's\nbootstrap.servers=there:9093\nsecurity.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
        f'sasl.jaas.config={PLAIN} required \\\n    username="alice" \\\n    password="a=b;c";\n'
        "ssl.truststore.type=PEM\nssl.truststore.location=/etc/ca.pem\n"
    )
    connection = connect("127.0.0.1:9092", ["client.id=x"], file, 1.0)
    assert connection.bootstrap == "there:9093"
    assert connection.properties == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "alice",
        "sasl.password": "a=b;c",
        "ssl.ca.location": "/etc/ca.pem",
        "client.id": "x",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'sasl.jaas.config={PLAIN} required password="hunter2"', "not ended by a semicolon"),
        ("ssl.truststore.location=/hunter2.jks", "trust store of type JKS"),
        ("sasl.password hunter2", "not of the form KEY=VALUE"),
    ],
)
def test_what_can_not_be_told_is_refused_by_its_place(tmp_path: Path, text: str, said: str) -> None:
    """Without a word of what may be a password."""
    file = tmp_path / "client.properties"
    file.write_text(text)
    with pytest.raises(UsageError, match=said) as refused:
        in_librdkafkas_terms(read_property_file(file), str(file))
    assert "client.properties" in str(refused.value.where)
    assert "hunter2" not in f"{refused.value} {refused.value.remedy}"
