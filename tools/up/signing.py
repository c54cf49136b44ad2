"""The recorder's keys, and the public half where every verifier looks for it."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tools.certs.publish import private_folder, write_private
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.ports import LOOPBACK
from tools.verify.keys import BODY_KEY, SIGNING_KEY, VERIFIER_KEY, WITNESS_KEY, LostKeyError, generate, generate_witness
from tools.verify.note import read_keys, verifier_key

__all__ = ["BODY_KEY", "LOGS", "SIGNING_KEY", "WITNESS", "WITNESS_KEY", "WITNESS_NAME", "recorder_keys", "show_keys"]

WITNESS, WITNESS_NAME = "witness", "witness.magistrate.local/here"
LOGS = "logs.policy"
"""What the witness follows, as a C2SP tlog-policy."""


def recorder_keys(folder: Folder) -> None:
    """Make the recorder's keys on first start; put the public one at the top of the state folder.

    ``recorder.vkey`` has the C2SP verifier keys, ``recorder.pub.pem`` the newest one for other tools.

    Raises:
        StackError: The signing key is gone. Signed by another, the log would count as altered for ever.
    """
    try:
        generate(folder.secrets)
    except LostKeyError as error:
        hint = "put it back; only `magistrate down --purge` begins anew, without the evidence"
        raise StackError(str(error), hint=hint) from error
    show_keys(folder)


def show_keys(folder: Folder) -> None:
    """Put what everybody may know of the signing keys at the top of the state folder."""
    lines = (folder.secrets / VERIFIER_KEY).read_bytes()
    key = Ed25519PublicKey.from_public_bytes(read_keys(lines.decode())[0].public_key)
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    write_private(folder.verifier_key, lines)
    if folder.policy.exists():
        _watch(folder)
    write_private(folder.root / "recorder.pub.pem", pem)


def witness_files(folder: Folder, port: int | None) -> None:
    """Make the key of a witness on this machine and the policy that asks for it; ``None`` asks for none any more."""
    if port is None:
        folder.policy.unlink(missing_ok=True)
        return
    line = generate_witness(folder.secrets, WITNESS_NAME)
    policy = f"witness this-machine {line} http://{LOOPBACK}:{port}\nquorum this-machine\n"
    write_private(folder.policy, policy.encode())
    _watch(folder)


def _watch(folder: Folder) -> None:
    """Tell the witness all keys of the log that it follows; it reads them again while it runs."""
    place = folder.data(WITNESS)
    private_folder(place)
    keys = read_keys((folder.secrets / VERIFIER_KEY).read_text())
    lines = "".join(f"log {verifier_key(key.name, key.public_key)}\n" for key in keys)
    write_private(place / LOGS, f"{lines}quorum none\n".encode())
