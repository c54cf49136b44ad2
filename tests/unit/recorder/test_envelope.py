"""The envelope is canonical, small, and commits without telling."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import CallerError
from services.recorder.core import body
from services.recorder.core.envelope import Draft, Stamp, check, commitment, restate, write

NOW = datetime(2026, 11, 20, 12, 0, 0, 5, tzinfo=UTC)
STAMP = Stamp(recorded_at=NOW, salt=b"s" * 32, body_digest=b"d" * 32)
LATER = Stamp(recorded_at=NOW + timedelta(days=9), salt=b"t" * 32, body_digest=b"e" * 32)


def draft(**changes: Any) -> Draft:
    """Return a good draft, but for ``changes``."""
    good: dict[str, Any] = {
        "tenant": "acme",
        "idempotency_key": "key",
        "kind": "DECISION",
        "decision_id": "decision",
        "subject_id": "person",
        "payload": b"payload",
        "content_type": "text/plain; charset=utf-8",
        "attributes": {"policy": "1"},
    }
    return Draft(**(good | changes))


drafts = st.builds(
    draft,
    payload=st.binary(max_size=64),
    subject_id=st.text(max_size=8),
    attributes=st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_.-]{0,8}", fullmatch=True), st.text(st.characters(codec="utf-8"), max_size=9)
    ),
    occurred_at=st.none() | st.datetimes(timezones=st.just(UTC)),
)


@given(given_draft=drafts)
def test_canonical(given_draft: Draft) -> None:
    """The bytes are those of RFC 8785, by the judgement of a library that does nothing else."""
    envelope = write(given_draft, STAMP)

    assert rfc8785.dumps(json.loads(envelope)) == envelope


@pytest.mark.spec("REC-09")
@given(given_draft=drafts)
def test_a_repeated_draft_restates_its_envelope(given_draft: Draft) -> None:
    """The first write can be told from its key, its salt and its envelope alone, whatever a retry would draw."""
    stored = write(given_draft, STAMP)

    assert restate(given_draft, stored, STAMP.salt) == stored
    assert write(given_draft, LATER) != stored


@pytest.mark.parametrize(
    "changes",
    [
        {"payload": b"other"},
        {"subject_id": "other"},
        {"subject_id": ""},
        {"decision_id": ""},
        {"kind": "REVIEW"},
        {"attributes": {"policy": "2"}},
        {"occurred_at": NOW + timedelta(microseconds=1)},
    ],
)
def test_another_draft_does_not(changes: dict[str, Any]) -> None:
    """Any other content under the same key shows."""
    stored = write(draft(), STAMP)

    assert restate(draft(**changes), stored, STAMP.salt) != stored


def test_times_are_utc_and_of_one_length() -> None:
    """A time is written in UTC with microseconds, from whatever zone it comes."""
    envelope = json.loads(write(draft(occurred_at=NOW.astimezone(timezone(timedelta(hours=5)))), STAMP))

    assert envelope["occurred_at"] == envelope["recorded_at"] == "2026-11-20T12:00:00.000005Z"


def test_commitments_hide() -> None:
    """Two records of the same content and person have nothing in common that a guesser could try."""
    one, two = json.loads(write(draft(), STAMP)), json.loads(write(draft(), LATER))

    assert one["payload"] == commitment(STAMP.salt, b"payload").hex()
    assert one["payload"] != two["payload"]
    assert one["subject"] != two["subject"]


@pytest.mark.parametrize(
    "changes",
    [
        {"idempotency_key": "k" * 200},
        {"decision_id": ""},
        {"payload": b"", "content_type": ""},
        {"payload": bytes(1 << 20)},
        {"attributes": {f"a{n}": "v" for n in range(20)}},
    ],
)
def test_limits_are_inclusive(changes: dict[str, Any]) -> None:
    """What just keeps a limit is accepted."""
    assert check(draft(**changes)) == draft(**changes)


def test_length_is_explained() -> None:
    """What is too long is refused with limit and length."""
    with pytest.raises(CallerError) as raised:
        check(draft(idempotency_key="k" * 201))

    assert raised.value.metadata == {"field": "idempotency_key", "limit": "200", "actual": "201"}


@given(salt=st.binary(min_size=32, max_size=32), payload=st.binary())
def test_body_comes_apart_as_it_went_together(salt: bytes, payload: bytes) -> None:
    """Salt and payload are sealed as one and come back as two."""
    assert body.split(body.join(salt, payload)) == (salt, payload)


@pytest.mark.spec("REC-09")
@pytest.mark.parametrize(("version", "lacks"), [(1, {"intent", "producer"}), (2, {"producer"}), (3, set())])
def test_a_retry_of_an_older_record(version: int, lacks: set[str]) -> None:
    """A record of a version that had fewer fields is still told from a conflict."""
    stored = write(draft(), STAMP, version)

    assert {"intent", "producer"} - json.loads(stored).keys() == lacks
    assert restate(draft(), stored, STAMP.salt) == stored
    assert restate(draft(payload=b"other"), stored, STAMP.salt) != stored


def test_whoever_repeats_a_record_has_not_made_it() -> None:
    """The producer is that of the first write, and a retry by another service is no conflict."""
    stored = write(draft(producer="spiffe://mesh/sa/engine"), STAMP)

    assert json.loads(stored)["producer"] == "spiffe://mesh/sa/engine"
    assert restate(draft(producer="spiffe://mesh/sa/router"), stored, STAMP.salt) == stored


@pytest.mark.spec("REC-15")
def test_a_retry_without_the_perished_salt() -> None:
    """What is left of an erased record is compared; the commitments cannot be."""
    stored = write(draft(), STAMP)

    assert restate(draft(payload=b"other", subject_id="other"), stored, None) == stored
    assert restate(draft(decision_id="other"), stored, None) != stored
