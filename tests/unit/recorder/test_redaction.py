"""Credentials do not get into the evidence; everything else gets into it untouched."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.recorder.core.redaction import cleaned
from tests.unit.recorder.test_envelope import draft

SECRETS = (
    "sk-ant-REDACTME0123456789abcdef",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk",
    "Bearer abcdefghijklmnop",
    "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii", categories=["L"]), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)


def buried(secret: str, depth: int) -> Any:
    """Return a secret at some depth of lists and objects."""
    return secret if depth == 0 else {"deep": ["x", buried(secret, depth - 1)]}


@pytest.mark.spec("REC-17")
@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("depth", [0, 1, 40])
def test_secret_at_any_depth(secret: str, depth: int) -> None:
    """A credential is cut out of JSON however deep it lies, also where it is written in escapes."""
    plain = json.dumps({"answer": buried(f"use {secret} now", depth)})
    for text in (plain, plain.replace("s", "\\u0073") if depth == 0 else plain):
        payload = cleaned(draft(payload=text.encode(), content_type="application/json")).payload
        assert secret not in json.dumps(json.loads(payload), ensure_ascii=False)
        assert b"[redacted]" in payload
        assert b"now" in payload


@pytest.mark.spec("REC-17")
def test_named_as_a_secret() -> None:
    """What a field's name calls a credential is one, whatever it looks like; its neighbours stay."""
    given_payload = {"db_password": "hunter2", "tokens_in": 7, "nested": [{"authorization": "x"}], "answer": "hunter2"}
    made = draft(payload=json.dumps(given_payload).encode(), content_type="application/problem+json; charset=utf-8")

    assert json.loads(cleaned(made).payload) == {
        "db_password": "[redacted]",
        "tokens_in": 7,
        "nested": [{"authorization": "[redacted]"}],
        "answer": "hunter2",
    }


@pytest.mark.spec("REC-17")
@pytest.mark.parametrize("secret", SECRETS)
def test_attributes_and_text(secret: str) -> None:
    """The log's own attributes, text, and what only claims to be JSON are cleaned too."""
    for kind in ("text/plain", "application/json"):
        made = cleaned(draft(payload=f"{{ {secret}".encode(), content_type=kind, attributes={"note": secret}))
        assert secret.encode() not in made.payload
        assert secret not in made.attributes["note"]
    assert cleaned(draft(attributes={"api_key": "short"})).attributes == {"api_key": "[redacted]"}


@given(value=jsons)
def test_harmless_json_stays_byte_for_byte(value: Any) -> None:
    """What has no credential in it is recorded as it was given."""
    payload = json.dumps(value, indent=1).encode()
    made = draft(payload=payload, content_type="application/json")

    assert cleaned(made) is made or cleaned(made) == made


@given(payload=st.binary(max_size=64))
def test_bytes_of_other_kinds_stay(payload: bytes) -> None:
    """A form that only its producer understands is not touched."""
    made = draft(payload=payload, content_type="application/octet-stream")

    assert cleaned(made).payload == payload


def test_json_that_is_too_deep_is_cleaned_as_text() -> None:
    """Nesting that no parser takes hides nothing."""
    payload = b"[" * 100_000 + b'"AKIAIOSFODNN7EXAMPLE"'

    assert b"AKIA" not in cleaned(draft(payload=payload, content_type="application/json")).payload
