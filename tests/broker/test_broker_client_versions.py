"""`ottla.client.versions.file`: who asks for what, a line for each that is new."""

import json

import pytest

from ottla.broker import client_versions
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse


@pytest.fixture
def lines(tmp_path):
    return lambda: [json.loads(line) for line in (tmp_path / "versions").read_text().splitlines()]


@pytest.fixture
def noting_broker(start_broker, tmp_path):
    return start_broker({"ottla.client.versions.file": str(tmp_path / "versions")})


def test_each_client_api_and_version_is_noted_once(noting_broker, connect, lines):
    """However often it is asked, over however many connections."""
    for _ in range(2):
        client = connect(noting_broker, client_id="orders")
        for version in (12, 12, 9):
            client.ask(MetadataRequest(), MetadataResponse, version)
    found = [(each["client_id"], each["api_key"], each["api_version"]) for each in lines()]
    assert found == [("orders", 3, 12), ("orders", 3, 9)]
    assert {each["software"] for each in lines()} == {None}


def test_clients_are_noted_by_what_they_call_themselves(noting_broker, connect, lines):
    """From ApiVersions version 3 on, that request included."""
    client = connect(noting_broker, client_id="orders")
    who = ApiVersionsRequest(client_software_name="a-library", client_software_version="1.2")
    client.ask(who, ApiVersionsResponse, 3)
    client.ask(MetadataRequest(), MetadataResponse, 12)
    found = [(each["software"], each["software_version"], each["api_key"]) for each in lines()]
    assert found == [("a-library", "1.2", 18), ("a-library", "1.2", 3)]


def test_the_file_is_bounded(noting_broker, connect, lines, monkeypatch):
    """Client ids can be anything."""
    monkeypatch.setattr(client_versions, "LINES_MAX", 3)
    for number in range(5):
        connect(noting_broker, client_id=f"client-{number}").ask(MetadataRequest(), MetadataResponse, 12)
    assert len(lines()) == 3


def test_a_file_that_cannot_be_written_holds_up_nobody(start_broker, connect, tmp_path, caplog):
    """One line in the log, and the client is served."""
    broker = start_broker({"ottla.client.versions.file": str(tmp_path / "none" / "versions")})
    client = connect(broker)
    for version in (12, 11):
        client.ask(MetadataRequest(), MetadataResponse, version)
    told = [record for record in caplog.records if "ottla.client.versions.file" in record.getMessage()]
    assert len(told) == 1
