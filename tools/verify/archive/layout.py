"""Where things are in an exported folder; paths have "/" on every system."""

CHECKPOINT = "checkpoint"
"""The newest signed checkpoint (C2SP tlog-checkpoint)."""
WITNESSED = "checkpoint.tlog-proof"
"""Where witnesses are asked: that they have seen the newest one (C2SP tlog-proof)."""
EARLIER = "checkpoints"
"""Folder of earlier ones, each named by its size."""
FACTS = "log.json"
"""What the folder is of."""
CONTENT_FACTS = "content.jsonl"
"""A line for each record that was asked for: what became of its content."""
README = "README.txt"
SUMS = "SHA256SUMS"
"""Digests of all files, as `sha256sum -c` reads them."""
WIDTH = 256
"""Hashes of a full tile, records of a full bundle."""
HASH_BYTES = 32
LENGTH_BYTES = 2
"""Each entry of a bundle follows its length, big-endian."""
_DIGITS = 1000

README_TEXT = """\
Evidence exported from a Magistrate log
=======================================

  log.json         which log, how large its tree is, which records were asked for
  checkpoint       size and root of the tree, signed (C2SP tlog-checkpoint)
  checkpoint.tlog-proof
                   where the log has witnesses: the checkpoint's place in the log that these follow, and their
                   cosignatures (C2SP tlog-proof; the extra data are the first three lines of the checkpoint)
  checkpoints/     earlier signed checkpoints of the same log, named by their size
  tile/            the Merkle tree (RFC 6962) in tiles of 256 hashes (C2SP tlog-tiles): tile/<level>/<number>,
                   and tile/<level>/<number>.p/<width> where the tree is not full yet
  tile/entries/    the records, 256 to a bundle, each after its length (2 bytes, big-endian)
  content.jsonl    for each record: whether its content is there, was erased or has expired, and where that is on record
  content/         the content itself, where it was exported
  sealed/          the content as it rests in the store, encrypted, where it was exported
  SHA256SUMS       digests of all files; unsigned, only against accidents: sha256sum -c SHA256SUMS

What holds it together, from the key to the content:
  1. The signature below the checkpoint is Ed25519 over its text. Take the key from the log's owner, not from here.
  2. The root in the checkpoint is the Merkle tree hash over the tiles: a node is SHA-256(0x01 || left || right).
  3. A leaf in tile/0/ is SHA-256(0x00 || record).
  4. A record is JSON. Its "payload" is SHA-256(nonce || content), with the nonce of content.jsonl; its "body" is
     SHA-256 of the file below sealed/.
  5. The root at any earlier size that ends within the exported records follows from the same tiles.

Content of a person who had it erased is gone, here and where it came from; the record of the erasure is in the log and
content.jsonl says where. Everything else still holds without it.

Check all of it, offline:  python -m tools.verify.archive FOLDER --key recorder.vkey
"""


def number_path(number: int) -> str:
    """Return a number in groups of three digits, all but the last after an "x": 1234067 is x001/x234/067.

    Raises:
        ValueError: it is below 0.
    """
    if number < 0:
        raise ValueError(f"there is no number {number}")
    path = f"{number % _DIGITS:03d}"
    while number := number // _DIGITS:
        path = f"x{number % _DIGITS:03d}/{path}"
    return path


def tile_path(level: int, number: int, width: int = WIDTH) -> str:
    """Return the path of a tile."""
    return f"tile/{level}/{number_path(number)}{_partial(width)}"


def bundle_path(number: int, width: int = WIDTH) -> str:
    """Return the path of the records under a tile of level 0."""
    return f"tile/entries/{number_path(number)}{_partial(width)}"


def content_path(index: int) -> str:
    """Return the path of a record's content."""
    return f"content/{number_path(index)}"


def sealed_path(index: int) -> str:
    """Return the path of a record's content as it rests."""
    return f"sealed/{number_path(index)}"


def earlier_path(size: int) -> str:
    """Return the path of an earlier checkpoint."""
    return f"{EARLIER}/{size}"


def _partial(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"
