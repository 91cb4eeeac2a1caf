"""The keys that follow from the records of `_dek_registry_keys`, without Kafka: what either registry could have written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.registry.dek import changes
from ottla.registry.dek.records import (
    MARKER_KEY,
    Algorithm,
    Dek,
    DekId,
    Kek,
    KekId,
    KeyId,
    decode,
    key_bytes,
)
from ottla.registry.dek.rule_defaults import completed
from ottla.registry.dek.state import KeyState
from ottla.registry.errors import RegistryError
from ottla.registry.records import MalformedRecordError
from ottla.registry.registration import Write
from ottla.registry.rule_sets import RuleSet

SECRET = "never-to-be-told"
KEK = Kek("k", "local-kms", "id", {"secret": SECRET, "a": "1"}, "for tests", shared=False)
DEK = Dek("k", "orders-value", Algorithm.AES256_GCM, 1, "bWF0ZXJpYWw=")


class MadeKeys:
    """Makes keys that tell what they were made from."""

    def new(self, kek: Kek, subject: str, algorithm: Algorithm) -> str:
        return f"new {algorithm} of {subject}"

    def encrypted_again(self, kek: Kek, dek: Dek) -> str:
        return f"{dek.encrypted_key_material} again"


def apply(state: KeyState, writes: Sequence[Write]) -> list[KeyId]:
    """Take records in as the topic brings them; the keys of those without effect."""
    told = [state.apply(decode(key, value, 1_000), key) for key, value in writes]
    return [each for each in told if each is not None]


def with_keys(*keys: Kek | Dek) -> KeyState:
    state = KeyState()
    apply(state, [Write(key_bytes(key.id), key.value()) for key in keys])
    return state


def create(state: KeyState, dek: Dek, *, rewrap: bool = False, max_keys: int = 100) -> None:
    apply(state, changes.create_dek(state, dek, MadeKeys(), rewrap=rewrap, max_keys=max_keys))


def refusal(caught: pytest.ExceptionInfo[RegistryError]) -> tuple[int, int]:
    return caught.value.status, caught.value.code


def test_keys_of_records_are_the_originals_to_the_byte() -> None:
    """Compaction compares bytes: with other ones, both registries' records would stay side by side."""
    assert key_bytes(KEK.id) == b'{"tenant":"default","name":"k","type":"KEK"}'
    assert key_bytes(DEK.id) == (
        b'{"tenant":"default","kekName":"k","subject":"orders-value","algorithm":"AES256_GCM","version":1,"type":"DEK"}'
    )
    assert MARKER_KEY == b'{"tenant":"default","name":".primary","type":"KEK"}'


def test_what_is_written_is_read_again() -> None:
    """Secrets included, which the topic has and answers have not."""
    for key in (KEK, DEK, KEK._replace(deleted=True, doc=None), DEK._replace(deleted=True, revision=3)):
        assert decode(key_bytes(key.id), key.value(), 17).key == key._replace(timestamp_ms=17)


def test_secrets_are_in_no_answer_and_in_no_message() -> None:
    """Of a KEK's properties, those by which its service is logged in to."""
    assert KEK.as_json() == {
        "name": "k",
        "kmsType": "local-kms",
        "kmsKeyId": "id",
        "kmsProps": {"a": "1"},
        "doc": "for tests",
        "shared": False,
    }
    assert SECRET not in repr(KEK)
    with pytest.raises(MalformedRecordError) as malformed:
        decode(key_bytes(KEK.id), json.dumps([SECRET]).encode())
    assert SECRET not in str(malformed.value)


def test_answers_tell_when_and_whether_it_is_deleted() -> None:
    """And no more than there is."""
    assert DEK._replace(timestamp_ms=5, deleted=True).as_json("cmF3") == {
        "kekName": "k",
        "subject": "orders-value",
        "version": 1,
        "algorithm": "AES256_GCM",
        "encryptedKeyMaterial": "bWF0ZXJpYWw=",
        "keyMaterial": "cmF3",
        "ts": 5,
        "deleted": True,
    }
    assert "keyMaterial" not in DEK.as_json()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"", b"{}"),
        (b"[]", b"{}"),
        (b"{", b"{}"),
        (b'{"tenant":"default","type":"NOOP"}', b"{}"),
        (b'{"tenant":"other","name":"k","type":"KEK"}', KEK.value()),
        (b'{"tenant":"default","type":"KEK"}', KEK.value()),
        (key_bytes(KEK.id), b"[]"),
        (key_bytes(KEK.id), b'{"kmsType":"aws-kms"}'),
        (key_bytes(KEK.id), b'{"kmsType":"aws-kms","kmsKeyId":"i","kmsProps":7}'),
        (key_bytes(DEK.id).replace(b"AES256_GCM", b"ROT13"), DEK.value()),
        (b"[" * 100_000, b"{}"),
    ],
)
def test_records_of_another_kind_are_left_as_they_are(key: bytes, value: bytes) -> None:
    """Nothing but the one error comes out of them."""
    with pytest.raises(MalformedRecordError):
        decode(key, value)


@given(st.binary(max_size=60), st.none() | st.binary(max_size=60))
def test_any_bytes_are_a_record_or_malformed(key: bytes, value: bytes | None) -> None:
    """So that no record ends the thread that reads the topic."""
    try:
        decode(key, value)
    except MalformedRecordError:
        return


def test_a_record_of_the_original_keeps_its_key() -> None:
    """Whatever the order of its fields: what replaces it must have the same bytes."""
    key = b'{"type":"KEK","tenant":"default","name":"k"}'
    state = KeyState()
    apply(state, [Write(key, KEK.value())])
    assert [write.key for write in changes.delete_kek(state, "k", permanent=False)] == [key]
    apply(state, changes.delete_kek(state, "k", permanent=False))
    assert changes.delete_kek(state, "k", permanent=True) == [Write(key, None)]


def test_a_kek_lives_and_dies() -> None:
    """Created, deleted softly, created again, changed, deleted for good."""
    state = KeyState()
    apply(state, changes.create_kek(state, KEK, max_keys=10))
    with pytest.raises(RegistryError) as caught:
        changes.create_kek(state, KEK, max_keys=10)
    assert refusal(caught) == (409, 40971)
    with pytest.raises(RegistryError) as caught:
        changes.delete_kek(state, "k", permanent=True)
    assert refusal(caught) == (404, 40471)
    apply(state, changes.delete_kek(state, "k", permanent=False))
    assert state.kek("k") is None
    assert state.kek("k", deleted=True)
    with pytest.raises(RegistryError) as caught:
        changes.create_kek(state, KEK._replace(kms_key_id="another"), max_keys=10)
    assert refusal(caught) == (409, 40971)
    apply(state, changes.create_kek(state, KEK, max_keys=10))
    update = changes.KekUpdate(frozenset({"shared"}), None, None, shared=True)
    apply(state, changes.update_kek(state, "k", update))
    assert changes.update_kek(state, "k", update) == []
    stored = state.kek("k")
    assert stored is not None
    assert stored.shared
    assert stored.kms_props == KEK.kms_props
    for permanent in (False, True):
        apply(state, changes.delete_kek(state, "k", permanent=permanent))
    assert state.kek_names(deleted=True) == []
    with pytest.raises(RegistryError) as caught:
        changes.delete_kek(state, "k", permanent=True)
    assert refusal(caught) == (404, 40470)


def test_a_kek_keeps_its_secrets_when_what_was_told_comes_back() -> None:
    """Without them, as they are not told; a secret that is given replaces the one there, a null takes all away."""
    state = with_keys(KEK)

    def props(given: dict[str, str] | None) -> object:
        update = changes.KekUpdate(frozenset({"kmsProps"}), given, None, shared=False)
        return changes.updated(changes.known_kek(state, "k"), update).kms_props

    assert props({"a": "2"}) == {"a": "2", "secret": SECRET}
    assert props({"secret": "new"}) == {"secret": "new"}
    assert props({}) == {"secret": SECRET}
    assert props(None) == {}


def test_a_kek_goes_after_its_deks() -> None:
    """Softly after all of them are, for good after all are for good."""
    state = with_keys(KEK, DEK)
    versions = changes.Versions("k", DEK.subject, DEK.algorithm)
    with pytest.raises(RegistryError) as caught:
        changes.delete_kek(state, "k", permanent=False)
    assert refusal(caught) == (422, 42272)
    with pytest.raises(RegistryError) as caught:
        changes.delete_deks(state, versions, permanent=True)
    assert refusal(caught) == (404, 40471)
    apply(state, changes.delete_deks(state, versions, permanent=False))
    apply(state, changes.delete_kek(state, "k", permanent=False))
    with pytest.raises(RegistryError) as caught:
        changes.undelete_deks(state, versions)
    assert refusal(caught) == (404, 40472)
    with pytest.raises(RegistryError) as caught:
        changes.delete_kek(state, "k", permanent=True)
    assert refusal(caught) == (422, 42272)
    apply(state, changes.delete_deks(state, versions, permanent=True))
    apply(state, changes.delete_kek(state, "k", permanent=True))
    assert (state.kek_count, state.dek_count) == (0, 0)


def test_deks_are_given_or_made() -> None:
    """Given encrypted where the clients have the KEK, made by the server where it is shared."""
    state = with_keys(KEK)
    with pytest.raises(RegistryError) as caught:
        create(state, DEK._replace(encrypted_key_material=None))
    assert refusal(caught) == (422, 42271)
    create(state, DEK)
    create(state, DEK._replace(encrypted_key_material="b3RoZXI="), rewrap=True)
    update = changes.KekUpdate(frozenset({"shared"}), None, None, shared=True)
    apply(state, changes.update_kek(state, "k", update))
    with pytest.raises(RegistryError) as caught:
        create(state, DEK, rewrap=True)
    assert refusal(caught) == (409, 40971)
    create(state, DEK._replace(version=2, encrypted_key_material=None))
    create(state, DEK._replace(encrypted_key_material=None), rewrap=True)
    found = state.versions("k", DEK.subject, DEK.algorithm)
    assert [dek.encrypted_key_material for dek in found] == [
        "b3RoZXI= again",
        "new AES256_GCM of orders-value",
    ]


def test_there_are_not_more_keys_than_may_be() -> None:
    """Deleted ones count as well."""
    state = with_keys(KEK, KEK._replace(name="l", deleted=True), DEK)
    with pytest.raises(RegistryError) as caught:
        changes.create_kek(state, KEK._replace(name="m"), max_keys=1)
    assert refusal(caught) == (409, 40972)
    with pytest.raises(RegistryError) as caught:
        create(state, DEK._replace(version=2), max_keys=0)
    assert refusal(caught) == (409, 40972)


def test_the_latest_version_is_the_highest_of_its_algorithm() -> None:
    """Those deleted softly count where they are asked for."""
    state = with_keys(
        KEK,
        *(DEK._replace(version=number, deleted=number == 10) for number in (10, 2, 1)),
        DEK._replace(version=99, algorithm=Algorithm.AES256_SIV),
    )
    latest = DekId("k", DEK.subject, DEK.algorithm, changes.LATEST)
    assert changes.found_dek(state, latest, deleted=False).version == 2
    assert changes.found_dek(state, latest, deleted=True).version == 10
    assert [dek.version for dek in state.versions("k", DEK.subject, DEK.algorithm)] == [1, 2]
    only = changes.Versions("k", DEK.subject, DEK.algorithm, 2)
    apply(state, changes.delete_deks(state, only, permanent=False))
    assert changes.found_dek(state, latest, deleted=False).version == 1


def test_of_two_primaries_the_first_in_the_topic_has_the_key() -> None:
    """What the second wrote without knowing of it has no effect, and the primary writes after it what holds."""
    state = with_keys(KEK)
    first = changes.create_dek(state, DEK, MadeKeys(), rewrap=False, max_keys=10)
    second = changes.create_dek(
        state, DEK._replace(encrypted_key_material="c2Vjb25k"), MadeKeys(), rewrap=False, max_keys=10
    )
    assert apply(state, [*first, *second]) == [DEK.id]
    assert state.contested == {DEK.id}
    assert apply(state, changes.restored(state)) == []
    assert state.contested == set()
    found = state.dek(DEK.id)
    assert found is not None
    assert found.encrypted_key_material == DEK.encrypted_key_material
    assert found.revision == 2


def test_records_without_a_revision_always_hold() -> None:
    """The original writes none."""
    state = with_keys(KEK._replace(revision=7))
    value = json.loads(KEK._replace(doc="of the original").value())
    del value["revision"]
    assert apply(state, [Write(key_bytes(KEK.id), json.dumps(value).encode())]) == []
    found = state.kek("k")
    assert found is not None
    assert (found.doc, found.revision) == ("of the original", 8)


class Step(NamedTuple):
    """A registry writes a key, having read `behind` records less than there are."""

    name: str
    doc: str
    behind: int


steps = st.lists(
    st.builds(Step, st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 4)), min_size=1, max_size=12
)


@given(steps, st.data())
def test_compaction_leaves_the_same_keys(written: list[Step], data: st.DataObject) -> None:
    """Whoever wrote, knowing whatever: once the primary has put right what is contested, everybody has the same."""
    log: list[Write] = []
    everything = KeyState()
    for step in written:
        view = KeyState()
        apply(view, log[: max(0, len(log) - step.behind)])
        present = view.kek(step.name, deleted=True)
        revision = 1 if present is None else present.revision + 1
        kek = Kek(step.name, "local-kms", "id", {}, step.doc, shared=False, revision=revision)
        log.append(Write(key_bytes(kek.id), kek.value()))
        apply(everything, log[-1:])
    log += changes.restored(everything)
    apply(everything, changes.restored(everything))
    assert everything.contested == set()
    cleaned = data.draw(st.integers(0, len(log)), label="records cleaned")
    last = {write.key: position for position, write in enumerate(log[:cleaned])}
    left = [write for position, write in enumerate(log[:cleaned]) if last[write.key] == position]
    compacted = KeyState()
    apply(compacted, [*left, *log[cleaned:]])
    assert told(compacted) == told(everything)
    assert compacted.contested == set()


def told(state: KeyState) -> list[object]:
    return [changes.known_kek(state, name).as_json() for name in state.kek_names(deleted=True)]


def test_a_subject_of_a_kek_is_found_by_its_prefix() -> None:
    """Whether its DEK is deleted or not, as asked."""
    state = with_keys(KEK, DEK, DEK._replace(kek_name="l", subject="orders-key", deleted=True))
    assert state.kek_names_with(["orders-"]) == ["k"]
    assert state.kek_names_with(["orders-"], deleted=True) == ["k", "l"]
    assert state.kek_names_with(["users", "orders-k"], deleted=True) == ["l"]
    assert state.kek_names_with(["nothing"], deleted=True) == []


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("aws", "aws-kms"),
        ("AWS", "aws-kms"),
        ("aws-kms", "aws-kms"),
        ("Azure", "azure-kms"),
        ("gcp", "gcp-kms"),
        ("hcvault", "hcvault"),
        ("local-kms", "local-kms"),
    ],
)
def test_services_have_one_name(named: str, expected: str) -> None:
    """As the original writes it."""
    assert changes.kms_type_named(named) == expected


def test_rules_that_encrypt_are_completed() -> None:
    """By the name of the key that they mean; what they say themselves stays."""
    arn = "arn:aws:kms:us-west-2:1111:key/12ab-34cd"
    rules = [
        {"name": "a", "type": "ENCRYPT", "params": {"encrypt.kms.key.id": arn}},
        {
            "name": "b",
            "type": "ENCRYPT",
            "params": {"encrypt.kms.key.id": "my key", "encrypt.kek.name": "own"},
        },
        {"name": "c", "type": "CEL", "params": {"x": "y"}},
    ]
    found = completed(RuleSet.from_json({"domainRules": [*rules]}))
    assert found is not None
    assert [dict(rule.params) for rule in found.domain_rules] == [
        {
            "encrypt.kek.name": "aws-kms-us-west-2-1111-key-12ab-34cd",
            "encrypt.kms.key.id": arn,
            "encrypt.kms.type": "aws-kms",
        },
        {"encrypt.kek.name": "own", "encrypt.kms.key.id": "my key"},
        {"x": "y"},
    ]
    assert completed(None) is None


def test_a_marker_changes_nothing() -> None:
    """It is a deletion of what cannot be there."""
    state = with_keys(KEK)
    assert apply(state, [Write(MARKER_KEY, None)]) == []
    assert state.kek_names(deleted=True) == ["k"]
    assert state.key(KekId(".primary")) is None
