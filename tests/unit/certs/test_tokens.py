"""Tokens are what the edge expects, and nothing else verifies."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest

from tools.certs import Tokens
from tools.certs.tokens import ALGORITHM, AUDIENCE, ISSUER


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    """Return tokens with a key."""
    tokens = Tokens(tmp_path)
    tokens.create()
    return tokens


def verified(tokens: Tokens, token: str) -> dict[str, Any]:
    """Return the claims of ``token``, checked against the published key set as the edge does."""
    keys = jwt.PyJWKSet.from_json(tokens.jwks_file.read_text())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, [ALGORITHM], audience=AUDIENCE, issuer=ISSUER)


@pytest.mark.spec("EDG-02")
def test_a_token_carries_who_asks_for_thirty_minutes(tokens: Tokens) -> None:
    """Subject, tenant and roles arrive as claims; the default life is 30 minutes."""
    claims = verified(tokens, tokens.mint("ada", "acme", ["user", "reviewer"]))

    assert (claims["sub"], claims["tenant"], claims["roles"]) == ("ada", "acme", "user reviewer")
    assert claims["exp"] - claims["iat"] == 1800


@pytest.mark.spec("EDG-02")
def test_an_expired_token_does_not_verify(tokens: Tokens) -> None:
    """A life below zero makes a token that is refused."""
    with pytest.raises(jwt.ExpiredSignatureError):
        verified(tokens, tokens.mint("ada", "acme", ["user"], ttl_s=-60))


def test_the_key_survives_a_second_start(tokens: Tokens, tmp_path: Path) -> None:
    """Tokens handed out before a restart stay valid."""
    token = tokens.mint("ada", "acme", ["user"])
    Tokens(tmp_path).create()

    assert verified(tokens, token)["sub"] == "ada"


def test_the_published_set_holds_no_private_member(tokens: Tokens) -> None:
    """The key set that the edge reads cannot sign."""
    (key,) = json.loads(tokens.jwks_file.read_text())["keys"]

    assert "d" not in key


def test_time_comes_from_the_given_clock(tmp_path: Path) -> None:
    """The issue time is the clock's."""
    tokens = Tokens(tmp_path, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    tokens.create()
    claims = jwt.decode(tokens.mint("a", "b", []), options={"verify_signature": False})

    assert claims["iat"] == int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
