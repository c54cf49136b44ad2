"""The recorder starts only with keys of the right kind."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.chassis.config import load
from services.chassis.errors import WorldError
from services.recorder import config as recorder
from services.recorder.adapters.keys import AesSeal, Ed25519Signer, KeyFileError
from services.recorder.publisher import config as publisher
from tools.verify.keys import BODY_KEY, SIGNING_KEY, VERIFIER_KEY, LostKeyError, generate, succeed


def test_made_keys_are_the_right_ones(tmp_path: Path) -> None:
    """What the key tool makes signs and seals."""
    generate(tmp_path)
    signer, seal = (
        Ed25519Signer((tmp_path / SIGNING_KEY).read_text()),
        AesSeal((tmp_path / BODY_KEY).read_text().strip()),
    )

    Ed25519PublicKey.from_public_bytes(signer.public_key).verify(signer.sign(b"text"), b"text")
    assert seal.unwrap(*seal.wrap(b"key", b"place"), b"place") == b"key"


def test_a_key_that_logs_rely_on_is_never_made_up_anew(tmp_path: Path) -> None:
    """Where the signing key is gone but verified something, nothing is written: it may only be mislaid."""
    generate(tmp_path)
    before = (tmp_path / VERIFIER_KEY).read_bytes()
    (tmp_path / SIGNING_KEY).unlink()
    with pytest.raises(LostKeyError, match=SIGNING_KEY):
        generate(tmp_path)

    assert (tmp_path / VERIFIER_KEY).read_bytes() == before
    assert not (tmp_path / SIGNING_KEY).exists()


def test_verifier_keys_are_made_again_from_the_signing_keys(tmp_path: Path) -> None:
    """Both public halves come back, the newest first, also after a start that was killed between the two files."""
    generate(tmp_path)
    succeed(tmp_path)
    before = (tmp_path / VERIFIER_KEY).read_text()
    (tmp_path / VERIFIER_KEY).unlink()
    generate(tmp_path)

    assert (tmp_path / VERIFIER_KEY).read_text() == before
    assert len(before.splitlines()) == 2


@pytest.mark.spec("T10")
@pytest.mark.parametrize("pem", ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_no_signing_key_no_start(pem: str) -> None:
    """A file that holds no key is refused; there is no unsigned mode to fall back to."""
    with pytest.raises(KeyFileError):
        Ed25519Signer(pem)


def test_other_kind_of_key() -> None:
    """A key that cannot sign is refused."""
    pem = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(KeyFileError, match="Ed25519"):
        Ed25519Signer(pem.decode())


@pytest.mark.parametrize("key", ["", "!", base64.b64encode(bytes(16)).decode()])
def test_wrong_body_key(key: str) -> None:
    """Only 32 bytes in base64 are a body key."""
    with pytest.raises(KeyFileError):
        AesSeal(key)


def one_key(byte: bytes) -> str:
    """Return the text of a body key."""
    return base64.b64encode(byte * 32).decode()


def test_wrapped_key_belongs_to_its_tenant() -> None:
    """A tenant's key opens neither as another tenant's, nor altered, nor with another body key."""
    seal = AesSeal(one_key(b"\0"))
    key_id, wrapped = seal.wrap(b"secret", b"acme 1")

    for other, place in ((seal, b"acme 2"), (AesSeal(one_key(b"k")), b"acme 1")):
        with pytest.raises(WorldError, match="RECORD_DAMAGED"):
            other.unwrap(key_id, wrapped, place)
    for damaged in (wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b""):
        with pytest.raises(WorldError, match="RECORD_DAMAGED"):
            seal.unwrap(key_id, damaged, b"acme 1")


@pytest.mark.spec("REC-08")
def test_body_key_is_replaced_by_a_line_above_it() -> None:
    """With a new key on the first line the former one still unwraps, and people are found under both."""
    old = AesSeal(one_key(b"o"))
    both = AesSeal(f"{one_key(b'n')}\n{one_key(b'o')}\n")

    assert both.unwrap(*old.wrap(b"secret", b"acme 1"), b"acme 1") == b"secret"
    assert both.newest != old.newest
    assert both.tags("acme", "ada")[1:] == old.tags("acme", "ada")
    alone = AesSeal(one_key(b"n"))
    for key_id, index_key in both.index_keys.items():
        alone.remember(key_id, index_key)
    assert alone.tags("acme", "ada") == both.tags("acme", "ada")
    assert len({*both.tags("acme", "ada"), *both.tags("other", "ada"), *both.tags("acme", "bob")}) == 6


@pytest.mark.spec("T10")
def test_start_without_a_key_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a signing key the start ends with one line that says which variable is missing."""
    monkeypatch.delenv("MAGISTRATE_PUBLISHER_SIGNING_KEY_FILE", raising=False)

    with pytest.raises(SystemExit, match="2"):
        load(publisher.Config)
    (line,) = capsys.readouterr().err.splitlines()
    assert "MAGISTRATE_PUBLISHER_SIGNING_KEY_FILE" in line


@pytest.mark.spec("T10")
@pytest.mark.parametrize(
    ("variable", "problem"),
    [
        ("MAGISTRATE_PUBLISHER_SIGNING_KEY_FILE", "Ed25519"),
        ("MAGISTRATE_RECORDER_VERIFIER_KEY_FILE", "Ed25519"),
        ("MAGISTRATE_RECORDER_BODY_KEY_FILE", "32 bytes"),
    ],
)
def test_start_with_a_wrong_key_names_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    problem: str,
) -> None:
    """A file that holds something else stops the start with one line that names variable and remedy."""
    generate(tmp_path)
    (tmp_path / "wrong").write_text("AAAA")
    monkeypatch.setenv("MAGISTRATE_PUBLISHER_SIGNING_KEY_FILE", str(tmp_path / SIGNING_KEY))
    monkeypatch.setenv("MAGISTRATE_PUBLISHER_VERIFIER_KEY_FILE", str(tmp_path / VERIFIER_KEY))
    monkeypatch.setenv("MAGISTRATE_PUBLISHER_MEMORY_FILE", str(tmp_path / "memory"))
    monkeypatch.setenv("MAGISTRATE_RECORDER_VERIFIER_KEY_FILE", str(tmp_path / VERIFIER_KEY))
    monkeypatch.setenv("MAGISTRATE_RECORDER_BODY_KEY_FILE", str(tmp_path / BODY_KEY))
    monkeypatch.setenv(variable, str(tmp_path / "wrong"))

    with pytest.raises(SystemExit, match="2"):
        load(publisher.Config if "PUBLISHER" in variable else recorder.Config)
    (line,) = capsys.readouterr().err.splitlines()
    assert variable in line
    assert problem in line
    assert "python -m tools.verify.keys" in line
