"""The verifier key file says which key counts for which sizes of which log."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tools.verify.follow import Ended, Sighting, follow
from tools.verify.note import read_keys, verifier_key

NAME = "evidence/local"
ACME, OTHER, CLOSED = (f"{NAME}/{log}" for log in ("acme/2026h2", "other/2026h2", "acme/2026h1"))
KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32).public_key().public_bytes_raw() for n in range(3)]
ENDED = Ended(origin=CLOSED, size=70, public_key=KEYS[0])
LINES = [verifier_key(NAME, key) for key in KEYS]


@pytest.mark.spec("REC-08")
@pytest.mark.parametrize(
    ("origin", "size", "counting"),
    [
        (ACME, 5, [0]),
        (ACME, 6, [1]),
        (ACME, 9, [1]),
        (ACME, 10, [2]),
        (ACME, 10**9, [2]),
        (OTHER, 1, [2]),
        (CLOSED, 70, [0]),
        (CLOSED, 71, [2]),
    ],
)
def test_exactly_one_key_counts_for_each_size(origin: str, size: int, counting: list[int]) -> None:
    """Two rotations: each key counts from its announcement to the next one, and in a new log the newest alone."""
    seen = [Sighting(origin=ACME, index=5, public_key=KEYS[1]), Sighting(origin=ACME, index=9, public_key=KEYS[2])]
    keys = read_keys(follow(LINES[0], seen, [ENDED]))

    found = [KEYS.index(key.public_key) for key in keys if key.signs(origin, size)]

    assert [key.public_key for key in keys] == KEYS[::-1]
    assert found == counting


def test_following_again_changes_nothing() -> None:
    """What was once learned stays as it is."""
    seen = [Sighting(origin=ACME, index=5, public_key=KEYS[1])]
    once = follow(f"# ours\n{LINES[0]}\n", seen, [ENDED])

    assert follow(once, seen, [replace(ENDED, size=99)]) == once


@pytest.mark.parametrize("text", ["", "# only a remark\n", "until 5 a\n", f"{LINES[0]}\nuntil x a\n", "nonsense\n"])
def test_not_a_key_file(text: str) -> None:
    """A file without a key, or with a line that is none, is refused."""
    with pytest.raises(ValueError, match=r"."):
        read_keys(text)
