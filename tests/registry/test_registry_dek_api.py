"""`/dek-registry/v1` as clients use it: keys created, told, changed, deleted; shared ones made and opened by the server."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest

from ottla.registry.dek.local_kms import LocalKms
from registries import RegistryProcess, Reply

StartRegistry = Callable[..., RegistryProcess]

KEKS = "/dek-registry/v1/keks"
SECRET = "a-secret-that-nobody-is-told"
MATERIAL = b64encode(b"encrypted by a client").decode()


@pytest.fixture
def kek(unique_name: Callable[[str], str]) -> str:
    """A KEK's name of this test's own."""
    return unique_name("kek")


def create_kek(registry: RegistryProcess, name: str, **fields: object) -> Reply:
    body = {"name": name, "kmsType": "local-kms", "kmsKeyId": "my/key", **fields}
    return registry.post(KEKS, body)


def shared_kek(registry: RegistryProcess, name: str) -> None:
    reply = create_kek(registry, name, kmsProps={"secret": SECRET}, shared=True)
    assert reply.status == 200, reply


def create_dek(registry: RegistryProcess, kek: str, subject: str, **fields: object) -> Reply:
    return registry.post(f"{KEKS}/{kek}/deks/{quote(subject, safe='')}", fields)


def without_time(reply: Reply) -> dict[str, object]:
    """An answer but for its timestamp, which has to be there."""
    assert reply.status == 200, reply
    assert reply.body["ts"] > 1_500_000_000_000
    return {name: value for name, value in reply.body.items() if name != "ts"}


def test_a_kek_is_created_told_changed_and_deleted(registry: RegistryProcess, kek: str) -> None:
    """As the original's own test goes through it."""
    path = f"{KEKS}/{kek}"
    told = {
        "name": kek,
        "kmsType": "aws-kms",
        "kmsKeyId": "arn:1",
        "kmsProps": {},
        "shared": False,
    }
    new = {"name": kek, "kmsType": "aws", "kmsKeyId": "arn:1"}
    assert without_time(registry.post(KEKS, new)) == told
    assert registry.post(KEKS, new).error == (409, 40971)
    assert without_time(registry.get(path)) == told
    assert kek in registry.get(KEKS).body
    assert registry.delete(f"{path}?permanent=true").error == (404, 40471)
    assert registry.delete(path).status == 204
    assert registry.delete(path).status == 204
    assert registry.put(path, {"doc": "x"}).error == (404, 40470)
    assert registry.get(path).error == (404, 40470)
    assert without_time(registry.get(f"{path}?deleted=true")) == {**told, "deleted": True}
    assert kek not in registry.get(KEKS).body
    assert kek in registry.get(f"{KEKS}?deleted=true").body
    assert registry.post(KEKS, {**new, "kmsKeyId": "arn:2"}).error == (409, 40971)
    assert without_time(registry.post(KEKS, new)) == told
    changed = {"kmsProps": {"b": "2", "a": "1"}, "doc": "of tests", "shared": True}
    assert without_time(registry.put(path, changed)) == {**told, **changed}
    assert registry.delete(path).status == 204
    assert registry.post(f"{path}/undelete", {}).status == 204
    assert registry.post(f"{path}/undelete", {}).status == 204
    assert registry.get(path).status == 200
    for query in ("", "?permanent=true"):
        assert registry.delete(path + query).status == 204
    assert registry.delete(f"{path}?permanent=true").error == (404, 40470)
    assert registry.post(f"{path}/undelete", {}).error == (404, 40470)


def test_a_field_of_a_kek_that_is_not_given_stays(registry: RegistryProcess, kek: str) -> None:
    """A null takes it away."""
    path = f"{KEKS}/{kek}"
    create_kek(registry, kek, kmsProps={"a": "1"}, doc="first")
    assert registry.put(path, {"doc": "second"}).body["kmsProps"] == {"a": "1"}
    assert registry.put(path, {"kmsProps": {"b": "2"}}).body["doc"] == "second"
    reply = registry.put(path, {"doc": None, "kmsProps": None})
    assert "doc" not in reply.body
    assert reply.body["kmsProps"] == {}


def test_secrets_of_a_kek_are_never_told(registry: RegistryProcess, kek: str) -> None:
    """Not when it is created, read, changed or tried, nor in the log; and they stay when what was told comes back."""
    path = f"{KEKS}/{kek}"
    props = {"secret": SECRET, "token.id": SECRET, "region": "north"}
    replies = [
        create_kek(registry, kek, kmsProps=props, shared=True),
        registry.get(path),
        registry.put(path, {"kmsProps": {"region": "south"}}),
        registry.post(f"{path}/test", {}),
    ]
    assert [reply.status for reply in replies] == [200] * 4
    assert [reply.body["kmsProps"] for reply in replies] == [{"region": "north"}] * 2 + [
        {"region": "south"}
    ] * 2
    assert not any(SECRET.encode() in reply.content for reply in replies)
    assert create_dek(registry, kek, "s").status == 200
    assert SECRET not in registry.log()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "1st"}, "name"),
        ({"name": "-a"}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": ".primary"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": "a" * 257}, "name"),
        ({"kmsKeyId": ""}, "kmsKeyId"),
        ({"kmsKeyId": None}, "kmsKeyId"),
        ({"kmsType": None}, "kmsType"),
    ],
)
def test_a_kek_with_nothing_to_find_it_by_is_refused(
    registry: RegistryProcess, kek: str, fields: dict[str, object], named: str
) -> None:
    """With the original's code and words."""
    reply = create_kek(registry, **{"name": kek, **fields})  # type: ignore[arg-type]
    assert reply.error == (422, 42271)
    assert reply.body["message"] == f"Invalid or missing value for field '{named}' of key"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", (422, 422)),
        (b"{", (400, 400)),
        (b"[]", (422, 422)),
        (b'{"name": {"a": 1}}', (422, 422)),
        (b'{"name":"a","kmsType":"b","kmsKeyId":"c","kmsProps":[1]}', (422, 422)),
        (b'{"name":"a","kmsType":"b","kmsKeyId":"c","kmsProps":{"a":{"b":1}}}', (422, 422)),
        (b'{"name":"a","kmsType":"b","kmsKeyId":"c","shared":"maybe"}', (422, 422)),
        (b"[" * 100_000, (400, 400)),
    ],
)
def test_bodies_of_another_form_are_refused(
    registry: RegistryProcess, body: bytes, error: tuple[int, int]
) -> None:
    """Wherever one is taken."""
    assert registry.ask("POST", KEKS, body).error == error


def test_names_in_paths_are_checked_too(registry: RegistryProcess, kek: str) -> None:
    """Also by reads; a subject may have a slash, and no control character."""
    create_kek(registry, kek)
    assert registry.get(f"{KEKS}/1st").error == (422, 42271)
    assert registry.get(f"{KEKS}/%2Fa/deks").error == (422, 42271)
    assert create_dek(registry, kek, "a/b:c d", encryptedKeyMaterial=MATERIAL).status == 200
    assert registry.get(f"{KEKS}/{kek}/deks").body == ["a/b:c d"]
    assert registry.get(f"{KEKS}/{kek}/deks/a%2Fb%3Ac%20d").body["subject"] == "a/b:c d"
    assert create_dek(registry, kek, "a\nb", encryptedKeyMaterial=MATERIAL).error == (422, 42271)
    assert registry.get(f"{KEKS}/{kek}/deks/a%00b").error == (422, 42271)
    assert registry.get(f"{KEKS}/{kek}/deks/s/versions/0").error == (422, 42202)
    assert registry.get(f"{KEKS}/{kek}/deks/s/versions/first").error == (422, 42202)
    assert registry.get(f"{KEKS}/{kek}/deks/s?algorithm=ROT13").status == 404
    assert registry.ask("PATCH", f"{KEKS}/{kek}").status == 405


def test_deks_of_a_kek_that_is_not_shared_come_encrypted(registry: RegistryProcess, kek: str) -> None:
    """They are kept and told as they came: nobody but the clients opens them."""
    create_kek(registry, kek)
    path = f"{KEKS}/{kek}/deks/orders"
    assert create_dek(registry, kek, "orders").error == (422, 42271)
    told = {
        "kekName": kek,
        "subject": "orders",
        "version": 1,
        "algorithm": "AES256_GCM",
        "encryptedKeyMaterial": MATERIAL,
    }
    assert without_time(create_dek(registry, kek, "orders", encryptedKeyMaterial=MATERIAL)) == told
    assert create_dek(registry, kek, "orders", encryptedKeyMaterial=MATERIAL).error == (409, 40971)
    assert without_time(registry.get(path)) == told
    assert registry.delete(path).status == 204
    assert create_dek(registry, kek, "orders", encryptedKeyMaterial="b3RoZXI=").error == (409, 40971)
    assert without_time(create_dek(registry, kek, "orders", encryptedKeyMaterial=MATERIAL)) == told
    again = {**told, "encryptedKeyMaterial": "b3RoZXI="}
    reply = registry.post(f"{path}?rewrap=true", {"encryptedKeyMaterial": "b3RoZXI="})
    assert without_time(reply) == again
    assert without_time(registry.get(f"{path}/versions/latest")) == again


def test_a_dek_may_be_named_by_the_body_alone(registry: RegistryProcess, kek: str) -> None:
    """The older form of the request."""
    create_kek(registry, kek)
    path = f"{KEKS}/{kek}/deks"
    body = {"subject": "s", "algorithm": "AES256_SIV", "encryptedKeyMaterial": MATERIAL}
    assert registry.post(path, body).body["algorithm"] == "AES256_SIV"
    assert registry.post(path, {**body, "subject": None}).error == (422, 42271)
    assert registry.post(path, {**body, "algorithm": "ROT13"}).status == 422
    assert registry.post(path, {**body, "version": 0}).error == (422, 42202)
    assert registry.post(path, {**body, "version": 2**31}).error == (422, 422)
    assert registry.post(f"{KEKS}/{kek}-none/deks", body).error == (404, 40470)


def test_versions_of_a_dek(registry: RegistryProcess, kek: str) -> None:
    """Each algorithm has its own; deleted one by one or together, and undeleted."""
    create_kek(registry, kek)
    path = f"{KEKS}/{kek}/deks/s"
    for version in (1, 2, 3):
        assert create_dek(registry, kek, "s", version=version, encryptedKeyMaterial=MATERIAL).status == 200
    create_dek(registry, kek, "s", version=9, algorithm="AES128_GCM", encryptedKeyMaterial=MATERIAL)
    assert registry.get(f"{path}/versions").body == [1, 2, 3]
    assert registry.get(f"{path}/versions?offset=1&limit=1").body == [2]
    assert registry.get(f"{path}/versions?algorithm=AES128_GCM").body == [9]
    assert registry.get(f"{path}/versions/latest").body["version"] == 3
    assert registry.get(f"{path}/versions/-1").body["version"] == 3
    assert registry.get(path).body["version"] == 1
    assert registry.get(f"{path}/versions/4").error == (404, 40470)
    assert registry.delete(f"{path}/versions/latest").status == 204
    assert registry.get(f"{path}/versions").body == [1, 2]
    assert registry.get(f"{path}/versions?deleted=true").body == [1, 2, 3]
    assert registry.get(f"{path}/versions/3").error == (404, 40470)
    assert registry.get(f"{path}/versions/3?deleted=true").body["deleted"] is True
    assert registry.post(f"{path}/versions/3/undelete", {}).status == 204
    assert registry.delete(f"{path}/versions/2?permanent=true").error == (404, 40471)
    for query in ("", "?permanent=true"):
        assert registry.delete(f"{path}/versions/2{query}").status == 204
    assert registry.get(f"{path}/versions?deleted=true").body == [1, 3]
    assert registry.delete(path).status == 204
    assert registry.get(f"{path}/versions").body == []
    assert registry.post(f"{path}/undelete", {}).status == 204
    assert registry.get(f"{path}/versions").body == [1, 3]
    assert registry.get(f"{path}/versions?algorithm=AES128_GCM").body == [9]
    assert registry.delete(f"{path}/versions/7").error == (404, 40470)
    assert registry.post(f"{path}-none/undelete", {}).error == (404, 40470)


def test_a_kek_is_deleted_after_its_deks_and_undeleted_before(registry: RegistryProcess, kek: str) -> None:
    """Otherwise 42272 and 40472."""
    create_kek(registry, kek)
    path, dek = f"{KEKS}/{kek}", f"{KEKS}/{kek}/deks/s"
    create_dek(registry, kek, "s", encryptedKeyMaterial=MATERIAL)
    assert registry.delete(path).error == (422, 42272)
    registry.delete(dek)
    assert registry.delete(path).status == 204
    assert registry.get(f"{path}/deks").error == (404, 40470)
    assert registry.get(f"{path}/deks?deleted=true").body == ["s"]
    assert registry.post(f"{dek}/undelete", {}).error == (404, 40472)
    assert registry.post(f"{dek}/versions/1/undelete", {}).error == (404, 40472)
    assert registry.delete(f"{path}?permanent=true").error == (422, 42272)
    assert registry.delete(f"{dek}?permanent=true").status == 204
    assert registry.delete(f"{dek}?permanent=true").error == (404, 40470)
    assert registry.delete(f"{path}?permanent=true").status == 204


def test_lists_come_in_pages(registry: RegistryProcess, kek: str) -> None:
    """Of KEKs and of subjects; KEKs also by the subjects that they have DEKs of."""
    for suffix in "abc":
        create_kek(registry, f"{kek}{suffix}")
        create_dek(registry, f"{kek}{suffix}", f"{kek}-of-{suffix}", encryptedKeyMaterial=MATERIAL)
        create_dek(registry, f"{kek}a", f"{kek}-{suffix}", encryptedKeyMaterial=MATERIAL)
    names = [name for name in registry.get(KEKS).body if name.startswith(kek)]
    assert names == [f"{kek}a", f"{kek}b", f"{kek}c"]
    first = registry.get(KEKS).body.index(names[0])
    assert registry.get(f"{KEKS}?offset={first + 1}&limit=2").body == names[1:]
    assert registry.get(f"{KEKS}?subjectPrefix={kek}-of-").body == names
    assert registry.get(f"{KEKS}?subjectPrefix={kek}-of-c&subjectPrefix={kek}-of-b").body == names[1:]
    subjects = registry.get(f"{KEKS}/{kek}a/deks").body
    assert subjects == [f"{kek}-a", f"{kek}-b", f"{kek}-c", f"{kek}-of-a"]
    assert registry.get(f"{KEKS}/{kek}a/deks?offset=1&limit=2").body == subjects[1:3]


@pytest.mark.parametrize(
    ("algorithm", "start", "length"),
    [
        ("AES128_GCM", b"\x1a\x10", 18),
        ("AES256_GCM", b"\x1a\x20", 34),
        ("AES256_SIV", b"\x12\x40", 66),
    ],
)
def test_deks_of_a_shared_kek_are_made_and_opened(
    registry: RegistryProcess, kek: str, algorithm: str, start: bytes, length: int
) -> None:
    """The answer has the key encrypted, and open as Tink takes it."""
    shared_kek(registry, kek)
    made = create_dek(registry, kek, "s", algorithm=algorithm)
    raw = b64decode(made.body["keyMaterial"])
    assert (raw[:2], len(raw)) == (start, length)
    assert LocalKms(SECRET).decrypt(b64decode(made.body["encryptedKeyMaterial"])) == raw
    path = f"{KEKS}/{kek}/deks/s"
    for form in (f"{path}?", f"{path}/versions/1?", f"{path}/versions/latest?"):
        assert registry.get(f"{form}algorithm={algorithm}").body == made.body
    assert create_dek(registry, kek, "s", algorithm=algorithm).error == (409, 40971)


def test_a_dek_that_a_client_made_is_opened_once_its_kek_is_shared(
    registry: RegistryProcess, kek: str
) -> None:
    """And told encrypted only before."""
    create_kek(registry, kek, kmsProps={"secret": SECRET})
    material = b64encode(LocalKms(SECRET).encrypt(b"of the client")).decode()
    create_dek(registry, kek, "s", encryptedKeyMaterial=material)
    assert "keyMaterial" not in registry.get(f"{KEKS}/{kek}/deks/s").body
    assert registry.put(f"{KEKS}/{kek}", {"shared": True}).status == 200
    assert b64decode(registry.get(f"{KEKS}/{kek}/deks/s").body["keyMaterial"]) == b"of the client"


def test_a_shared_key_is_encrypted_anew_by_a_new_secret(registry: RegistryProcess, kek: str) -> None:
    """`rewrap`: it is the same key, and the old secret is needed no longer."""
    shared_kek(registry, kek)
    made = create_dek(registry, kek, "s").body
    path = f"{KEKS}/{kek}/deks/s"
    registry.put(f"{KEKS}/{kek}", {"kmsProps": {"secret": "new", "old.secrets": SECRET}})
    again = registry.post(f"{path}?rewrap=true", {}).body
    assert again["keyMaterial"] == made["keyMaterial"]
    assert again["encryptedKeyMaterial"] != made["encryptedKeyMaterial"]
    registry.put(f"{KEKS}/{kek}", {"kmsProps": None})
    registry.put(f"{KEKS}/{kek}", {"kmsProps": {"secret": "new"}})
    assert registry.get(path).body["keyMaterial"] == made["keyMaterial"]
    registry.put(f"{KEKS}/{kek}", {"kmsProps": {"secret": SECRET}})
    reply = registry.get(path)
    assert reply.error == (500, 50070)
    assert reply.body["message"] == "Could not generate raw dek for s: decryption failed"


def test_a_service_that_the_server_does_not_know(registry: RegistryProcess, kek: str) -> None:
    """Its KEKs are kept; what the server would have to ask it for is refused, and `testSharing` tells before."""
    body = {"name": kek, "kmsType": "hcvault", "kmsKeyId": "http://127.0.0.1/transit/keys/a", "shared": True}
    refused = registry.post(f"{KEKS}?testSharing=true", body)
    assert refused.error == (500, 50070)
    assert "hcvault://http://127.0.0.1/transit/keys/a" in refused.body["message"]
    assert registry.get(f"{KEKS}/{kek}").error == (404, 40470)
    assert registry.post(KEKS, body).status == 200
    assert create_dek(registry, kek, "s").error == (500, 50070)
    assert registry.get(f"{KEKS}/{kek}/deks").body == []
    assert registry.post(f"{KEKS}/{kek}/test", {}).error == (500, 50070)
    registry.put(f"{KEKS}/{kek}", {"shared": False})
    assert registry.post(f"{KEKS}/{kek}/test", {}).error == (422, 42271)
    assert registry.put(f"{KEKS}/{kek}?testSharing=true", {"shared": True}).error == (500, 50070)
    assert registry.get(f"{KEKS}/{kek}").body["shared"] is False
    assert registry.post(f"{KEKS}/{kek}-none/test", {}).error == (404, 40470)


def test_a_subject_may_have_its_deks_under_another_name(registry: RegistryProcess, kek: str) -> None:
    """`aliasForDeks` of its settings; the subject itself is none of that."""
    create_kek(registry, kek)
    alias, real = f"{kek}-alias", f"{kek}-real"
    assert registry.put(f"/config/{alias}", {"aliasForDeks": real}).status == 200
    assert create_dek(registry, kek, alias, encryptedKeyMaterial=MATERIAL).body["subject"] == real
    assert registry.get(f"{KEKS}/{kek}/deks").body == [real]
    assert registry.get(f"{KEKS}/{kek}/deks/{alias}").body["subject"] == real
    assert registry.get(f"{KEKS}/{kek}/deks/{alias}/versions").body == [1]
    assert registry.delete(f"{KEKS}/{kek}/deks/{alias}").status == 204
    assert registry.get(f"{KEKS}/{kek}/deks/{real}").error == (404, 40470)
    assert registry.delete(f"/config/{alias}").status == 200


def test_a_context_in_the_path_is_the_subjects(registry: RegistryProcess, kek: str) -> None:
    """KEKs lie in no context."""
    within = f"/contexts/.staging{KEKS}"
    assert registry.post(within, {"name": kek, "kmsType": "aws", "kmsKeyId": "a"}).status == 200
    assert registry.get(f"{KEKS}/{kek}").status == 200
    reply = registry.post(f"{within}/{kek}/deks/s", {"encryptedKeyMaterial": MATERIAL})
    assert reply.body["subject"] == ":.staging:s"
    assert registry.get(f"{within}/{kek}/deks/s/versions/1").status == 200
    assert registry.get(f"{KEKS}/{kek}/deks/:.staging:s").status == 200
    assert registry.get(f"{KEKS}/{kek}/deks/s").error == (404, 40470)
    assert create_dek(registry, kek, ":.:s", encryptedKeyMaterial=MATERIAL).body["subject"] == "s"


def test_keys_imported_under_a_subject_are_not_told_open(registry: RegistryProcess, kek: str) -> None:
    """As the original has it for subjects in mode IMPORT, when they are created."""
    shared_kek(registry, kek)
    subject = f"{kek}-imported"
    assert registry.put(f"/mode/{subject}", {"mode": "IMPORT"}).status == 200
    made = create_dek(registry, kek, subject)
    assert made.status == 200
    assert "keyMaterial" not in made.body
    assert "keyMaterial" in registry.get(f"{KEKS}/{kek}/deks/{subject}").body
    assert registry.delete(f"/mode/{subject}").status == 200


def test_no_more_keys_than_are_set(start_registry: StartRegistry) -> None:
    """`dek.registry.max.keys`: as in the original, one more than it says."""
    registry = start_registry({"dek.registry.max.keys": "1"})
    assert [create_kek(registry, name).status for name in ("a", "b", "c")] == [200, 200, 409]
    reply = create_kek(registry, "c")
    assert reply.error == (409, 40972)
    assert reply.body["message"] == "A maximum of 1 keys already exist"
    made = [create_dek(registry, "a", name, encryptedKeyMaterial=MATERIAL) for name in "xyz"]
    assert [reply.status for reply in made] == [200, 200, 409]


def test_the_secret_may_come_from_the_environment(
    start_registry: StartRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LOCAL_SECRET, for KEKs that bring none."""
    monkeypatch.setenv("LOCAL_SECRET", SECRET)
    registry = start_registry()
    assert create_kek(registry, "a", shared=True).status == 200
    made = create_dek(registry, "a", "s").body
    opened = LocalKms(SECRET).decrypt(b64decode(made["encryptedKeyMaterial"]))
    assert b64encode(opened).decode() == made["keyMaterial"]
    assert SECRET not in registry.log()
    assert made["keyMaterial"] not in registry.log()


def test_a_rule_that_encrypts_is_completed_when_it_is_registered(
    registry: RegistryProcess, subject: str
) -> None:
    """By the name of its KEK and the kind of its service."""
    arn = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab"
    rule = {"name": "encrypted", "type": "ENCRYPT", "params": {"encrypt.kms.key.id": arn}}
    schema_id = registry.register(subject, '"string"', ruleSet={"domainRules": [rule]})
    stored = registry.get(f"/schemas/ids/{schema_id}?subject={subject}").body
    assert stored["ruleSet"]["domainRules"][0]["params"] == {
        "encrypt.kek.name": "aws-kms-us-west-2-111122223333-key-1234abcd-12ab",
        "encrypt.kms.key.id": arn,
        "encrypt.kms.type": "aws-kms",
    }
    assert registry.register(subject, '"string"', ruleSet={"domainRules": [rule]}) == schema_id


def test_the_endpoints_are_told_by_options(registry: RegistryProcess) -> None:
    """As all others, with CORS in mind."""
    assert registry.ask("OPTIONS", KEKS).headers["allow"] == "HEAD,GET,POST,OPTIONS"
    assert registry.ask("OPTIONS", f"{KEKS}/k").headers["allow"] == "HEAD,GET,PUT,DELETE,OPTIONS"
    assert registry.ask("HEAD", KEKS).status == 200
