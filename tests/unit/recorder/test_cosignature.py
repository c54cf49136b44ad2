"""Cosignatures and policies are those of C2SP, byte for byte."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from services.recorder.adapters.keys import holds
from services.recorder.core.cosignature import Cosigner, cosign, cosigned, read_cosigner
from services.recorder.core.note import NoteError
from services.recorder.core.policy import PolicyError, answerable, read_policy

# The example of the specification; its key is not published, but its message is.
EXAMPLE = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(6)]
COSIGNERS = [
    Cosigner(name=f"witness.example/w{n}", public_key=key.public_key().public_bytes_raw()) for n, key in enumerate(KEYS)
]
VKEYS = [cosigner.verifier_key() for cosigner in COSIGNERS]


# Made by the witness of transparency-dev, unmodified, with the key of 32 bytes 0x05.
FOREIGN_TEXT = "evidence/local\n5\nVtHBhiv3YcoV10acbLgfOljKvqIHhN/9CoKbSaWNfQg=\n"
FOREIGN_SIGNATURE = (
    "8TGzwwAAAABrDDEjGoGaWWFhNBK7NeZd4EftCCvcffDTLG2pgffio5Al/duDOF6N87sRdYVTRBaCc1eiugKzEyCSmgax1NX8oOuoAw=="
)
FOREIGN_LINE = f"\N{EM DASH} omni.example/w {FOREIGN_SIGNATURE}\n"


def test_a_foreign_witness_signs_the_same_bytes() -> None:
    """Another implementation, given the same key, text and time, writes the very line that this one writes."""
    cosigner = Cosigner(name="omni.example/w", public_key=KEYS[5].public_key().public_bytes_raw())

    ((line, time),) = cosigned(FOREIGN_LINE, FOREIGN_TEXT, cosigner, holds)

    assert line == FOREIGN_LINE == cosign(FOREIGN_TEXT, cosigner, KEYS[5].sign, time)


def test_the_message_of_the_specification() -> None:
    """What is signed is the header, the time and the whole text."""
    assert COSIGNERS[0].message(EXAMPLE, 1679315147) == f"cosignature/v1\ntime 1679315147\n{EXAMPLE}".encode()


def test_a_line_is_name_id_time_and_signature() -> None:
    """The line holds SHA-256(name, newline, 4, key) cut off, the time in eight bytes, and the Ed25519 signature."""
    line = cosign(EXAMPLE, COSIGNERS[0], KEYS[0].sign, 1679315147)

    assert line.startswith("\N{EM DASH} witness.example/w0 ")
    raw = base64.b64decode(line.split(" ")[2])
    digest = hashlib.sha256(b"witness.example/w0\n\x04" + COSIGNERS[0].public_key).digest()
    assert raw[:12] == digest[:4] + bytes.fromhex("000000006418 50cb".replace(" ", ""))
    Ed25519PublicKey.from_public_bytes(COSIGNERS[0].public_key).verify(
        raw[12:], COSIGNERS[0].message(EXAMPLE, 1679315147)
    )
    assert list(cosigned(line, EXAMPLE, COSIGNERS[0], holds)) == [(line, 1679315147)]


def test_a_post_quantum_cosigner_signs_what_the_text_states() -> None:
    """An ML-DSA-44 cosignature is over label, name, time, log, start, end and root; its line has type 6 and holds."""
    key = MLDSA44PrivateKey.from_seed_bytes(bytes(32))
    cosigner = Cosigner(name="witness.example/pq", public_key=key.public_key().public_bytes_raw())
    root = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")

    assert cosigner.message(EXAMPLE, 5) == (
        b"subtree/v1\n\x00\x12witness.example/pq"
        + bytes(7)
        + b"\x05\x1bexample.com/behind-the-sofa"
        + bytes(8)
        + (20852163).to_bytes(8, "big")
        + root
    )
    line = cosign(EXAMPLE, cosigner, key.sign, 5)
    assert list(cosigned(line, EXAMPLE, cosigner, holds)) == [(line, 5)]
    assert not list(cosigned(line, EXAMPLE.replace("63\n", "64\n"), cosigner, holds))
    assert read_cosigner(cosigner.verifier_key()) == cosigner
    assert cosigner.key_id == hashlib.sha256(b"witness.example/pq\n\x06" + cosigner.public_key).digest()[:4]


@pytest.mark.parametrize("change", ["text", "time", "key", "name", "nothing"])
def test_only_an_unchanged_cosignature_holds(change: str) -> None:
    """Another text, time, key or name is none of this witness."""
    line = cosign(EXAMPLE, COSIGNERS[0], KEYS[1 if change == "key" else 0].sign, 5)
    if change == "time":
        raw = bytearray(base64.b64decode(line.split(" ")[2]))
        raw[11] ^= 1
        line = f"\N{EM DASH} witness.example/w0 {base64.b64encode(raw).decode()}\n"
    cosigner = COSIGNERS[1] if change == "name" else COSIGNERS[0]
    text = EXAMPLE.replace("163", "164") if change == "text" else EXAMPLE

    assert bool(list(cosigned(f"nonsense\n\n{line}", text, cosigner, holds))) == (change == "nothing")


def test_a_witness_is_read_from_its_verifier_key() -> None:
    """The line comes back; a log's key, a wrong id and other lengths are refused."""
    assert read_cosigner(VKEYS[0]) == COSIGNERS[0]
    name, key_id, key = VKEYS[0].split("+", 2)
    short = base64.b64encode(b"\x04abc").decode()
    log = base64.b64encode(b"\x01" + COSIGNERS[0].public_key).decode()
    for wrong in (f"{name}+00000000+{key}", f"{name}+{key_id}+{short}", f"{name}+{key_id}+{log}", "x", f"{name}+!+!"):
        with pytest.raises(NoteError):
            read_cosigner(wrong)


LEVELS = f"""
# the example of the specification: two levels of groups
log sigsum.example/log+cf6ef9ac+AUPQyXBC3wcPWO3IPU3BMAzwYuFMMs1pJ1MyOiYAbNdl https://log.example
witness X1 {VKEYS[0]} https://x1.example
witness\tX2\t{VKEYS[1]}
  witness X3 {VKEYS[2]}
group X-witnesses 2 X1 X2 X3
witness Y1 {VKEYS[3]}
witness Y2 {VKEYS[4]}
group Y-witnesses any Y1 Y2
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def levels() -> str:
    """Return the example with a log key whose parts belong together."""
    return "\n".join(line for line in LEVELS.splitlines() if not line.startswith("log "))


@pytest.mark.parametrize(
    ("names", "enough"),
    [
        ("X1 X2 Y1", True),
        ("X1 X3 Y2", True),
        ("X1 X2 X3 Y1 Y2", True),
        ("X1 X2 X3", False),
        ("X1 Y1 Y2", False),
        ("", False),
        ("Z1 Z2 Z3", False),
    ],
)
def test_a_quorum_of_two_levels(names: str, enough: bool) -> None:
    """Two of three here and any of two there."""
    assert read_policy(levels()).satisfied(set(names.split())) is enough


def test_simple_quorums() -> None:
    """One witness, none, and whether those with an address could be enough."""
    one = read_policy(f"witness a {VKEYS[0]} http://a\nwitness b {VKEYS[1]}\nquorum a")
    assert (one.satisfied({"a"}), one.satisfied({"b"}), answerable(one)) == (True, False, True)
    assert not answerable(read_policy(f"witness b {VKEYS[1]}\nquorum b"))
    assert read_policy("quorum none\n").satisfied(set())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "quorum a",
        "quorum none\nquorum none",
        f"witness none {VKEYS[0]}\nquorum none",
        f"witness a {VKEYS[0]}\nwitness a {VKEYS[1]}\nquorum a",
        f"witness a {VKEYS[0]}\nwitness b {VKEYS[0]}\nquorum a",
        f"group g any a\nwitness a {VKEYS[0]}\nquorum g",
        f"witness a {VKEYS[0]}\ngroup g 2 a\nquorum g",
        f"witness a {VKEYS[0]}\ngroup g 0 a\nquorum g",
        f"witness a {VKEYS[0]}\ngroup g any a a\nquorum g",
        f"witness a {VKEYS[0]}\ngroup g any a\ngroup h any a\nquorum h",
        f"witness a {VKEYS[0]}\ngroup g any none\nquorum g",
        "witness a nonsense\nquorum a",
        "log nonsense\nquorum none",
        "what is this\nquorum none",
    ],
)
def test_what_is_no_policy(text: str) -> None:
    """Every rule of the format that a file can break is named by its line."""
    with pytest.raises(PolicyError):
        read_policy(text)
