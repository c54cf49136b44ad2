"""Make the recorder's keys: `python -m tools.verify.keys FOLDER`."""

import argparse
import base64
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tools.verify.note import read_keys, verifier_key
from tools.verify.policy import ED25519_TYPE, ML_DSA_44_TYPE, Witness

SIGNING_KEY = "recorder.pem"
"""Ed25519 private key, PKCS 8 PEM."""
BODY_KEY = "recorder.body"
"""AES-256 key, base64."""
VERIFIER_KEY = "recorder.vkey"
"""Public key as a C2SP verifier key; it may go to anybody."""
WITNESS_KEY, WITNESS_VERIFIER_KEY = "witness.pem", "witness.vkey"
"""Private and public key of a witness."""
BODY_KEY_BYTES = 32
_OWNER_ONLY = 0o600
_PEM = re.compile("-----BEGIN [^-]+-----[^-]+-----END [^-]+-----")


class LostKeyError(Exception):
    """A signing key that logs rely on is not where it was."""


def generate(folder: Path, *, deployment: str = "local") -> None:
    """Write whichever of the three files is missing into ``folder``; existing keys are never replaced.

    The verifier key is named ``evidence/<deployment>`` and verifies every log below that name.

    Raises:
        LostKeyError: The signing key is gone, and what it signed would verify by no other.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / VERIFIER_KEY).exists() and not (folder / SIGNING_KEY).exists():
        raise LostKeyError(f"{folder / SIGNING_KEY} is gone, and {folder / VERIFIER_KEY} verifies what it signed")
    key = Ed25519PrivateKey.generate()
    _create(folder / SIGNING_KEY, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    if not (folder / VERIFIER_KEY).exists():
        lines = _verifier_lines(folder / SIGNING_KEY, f"evidence/{deployment}")
        (folder / VERIFIER_KEY).write_text("".join(lines), encoding="utf-8")
    _create(folder / BODY_KEY, base64.b64encode(secrets.token_bytes(BODY_KEY_BYTES)) + b"\n")


def _verifier_lines(signing_key: Path, name: str) -> Iterator[str]:
    """Yield the verifier key of each key in a file of signing keys."""
    for pem in _PEM.findall(signing_key.read_text(encoding="utf-8")):
        key = load_pem_private_key(pem.encode(), password=None)
        if isinstance(key, Ed25519PrivateKey):
            yield f"{verifier_key(name, key.public_key().public_bytes_raw())}\n"


def generate_witness(folder: Path, name: str, *, post_quantum: bool = False) -> str:
    """Make the key of a witness in ``folder`` where there is none; return its verifier key.

    Raises:
        ValueError: ``name`` cannot stand in a signature line, or the key that is there is another's.
    """
    if not name or "+" in name or any(letter.isspace() or not letter.isprintable() for letter in name):
        raise ValueError(f"{name!r} is no name of a key: it must have letters, and neither spaces nor plus signs")
    folder.mkdir(parents=True, exist_ok=True)
    key = MLDSA44PrivateKey.generate() if post_quantum else Ed25519PrivateKey.generate()
    kind = ML_DSA_44_TYPE if post_quantum else ED25519_TYPE
    if _create(folder / WITNESS_KEY, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())):
        line = Witness(name=name, public_key=key.public_key().public_bytes_raw(), kind=kind).verifier_key()
        (folder / WITNESS_VERIFIER_KEY).write_text(line + "\n", encoding="utf-8")
    line = (folder / WITNESS_VERIFIER_KEY).read_text(encoding="utf-8").strip()
    if line.partition("+")[0] != name:
        raise ValueError(f"{folder / WITNESS_KEY} is the key of {line.partition('+')[0]}, and no key is ever replaced")
    return line


def succeed(folder: Path) -> str:
    """Put a new signing key above the present one, and its verifier key above the others; return that line.

    The key that signs comes first: whoever announces the new one may rely on it.

    Raises:
        OSError: the keys of ``folder`` are not there.
    """
    present = (folder / SIGNING_KEY).read_bytes()
    lines = (folder / VERIFIER_KEY).read_text(encoding="utf-8")
    key = Ed25519PrivateKey.generate()
    line = verifier_key(read_keys(lines)[0].name, key.public_key().public_bytes_raw())
    _replace(folder / SIGNING_KEY, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + present)
    _replace(folder / VERIFIER_KEY, f"{line}\n{lines}".encode())
    return line


def retire(folder: Path) -> int:
    """Take every signing key but the newest out of its file for ever; return how many. What they signed verifies on.

    Raises:
        OSError: the keys of ``folder`` are not there.
    """
    newest, *former = _PEM.findall((folder / SIGNING_KEY).read_text(encoding="utf-8"))
    if former:
        _replace(folder / SIGNING_KEY, f"{newest}\n".encode())
    return len(former)


def _replace(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that nobody reads half of it."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    _create(draft, content)
    draft.chmod(path.stat().st_mode)
    draft.replace(path)


def _create(path: Path, content: bytes) -> bool:
    """Write a new file that only its owner may read; False if there is one already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the recorder's three key files.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--deployment", default="local", help="as MAGISTRATE_RECORDER_DEPLOYMENT (default: local)")
    arguments = parser.parse_args()
    generate(arguments.folder, deployment=arguments.deployment)
