"""What a log and a witness say to each other: the request `add-checkpoint` of C2SP tlog-witness, and its judgement."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from services.recorder.core import note
from services.recorder.core.merkle import EMPTY_ROOT, HASH_BYTES, TreeError
from services.recorder.core.note import Checkpoint, NoteError
from services.recorder.core.proof import consistency_roots

MOST_HASHES = 63
BAD_REQUEST, FORBIDDEN, NOT_FOUND, CONFLICT, UNPROCESSABLE = 400, 403, 404, 409, 422
"""The HTTP status of each refusal."""


class RefusedError(Exception):
    """A witness does not cosign."""

    def __init__(self, status: int, why: str, size: int | None = None) -> None:
        super().__init__(why)
        self.status, self.size = status, size
        """Why, as the protocol numbers it; for a conflict also the size that the witness has seen last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A checkpoint, and the proof that its tree only adds to the one of size ``old``."""

    old: int
    proof: Sequence[bytes]
    note: str

    def text(self) -> str:
        """Return the body of the request."""
        hashes = "".join(f"{base64.b64encode(node).decode()}\n" for node in self.proof)
        return f"old {self.old}\n{hashes}\n{self.note}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The last checkpoint of a log that was cosigned."""

    size: int = 0
    root: bytes = EMPTY_ROOT


def read_submission(body: bytes) -> tuple[Submission, Checkpoint]:
    """Return what a request submits.

    Raises:
        RefusedError: BAD_REQUEST, it has another form.
    """
    try:
        head, separator, text = body.decode().partition("\n\n")
        first, *hashes = head.split("\n")
        word, _, size = first.partition(" ")
        submission = Submission(
            old=int(size), proof=[base64.b64decode(line, validate=True) for line in hashes], note=text
        )
        checkpoint = note.parse(text)
    except (UnicodeDecodeError, ValueError, binascii.Error, NoteError) as error:
        raise RefusedError(BAD_REQUEST, "the request is no old size, proof and checkpoint") from error
    sizes = (submission.old, checkpoint.size)
    fits = len(submission.proof) <= MOST_HASHES and all(len(node) == HASH_BYTES for node in submission.proof)
    if word != "old" or not separator or str(submission.old) != size or not fits or not 0 <= sizes[0] <= sizes[1]:
        raise RefusedError(BAD_REQUEST, "the request is no old size, proof and checkpoint")
    return submission, checkpoint


def judge(submission: Submission, checkpoint: Checkpoint, seen: Seen) -> None:
    """Return if a checkpoint, whose signature holds, only adds to what was seen.

    Raises:
        RefusedError: CONFLICT, the log starts from elsewhere or shows another tree of the same size; UNPROCESSABLE, the
            proof does not hold.
    """
    if submission.old != seen.size:
        raise RefusedError(CONFLICT, f"the last checkpoint is of size {seen.size}", seen.size)
    if checkpoint.size == seen.size and checkpoint.root != seen.root:
        raise RefusedError(CONFLICT, f"another root was cosigned at size {seen.size}", seen.size)
    if not (_proven(submission, checkpoint, seen) if seen.size else not submission.proof):
        raise RefusedError(UNPROCESSABLE, "the consistency proof does not hold")


def _proven(submission: Submission, checkpoint: Checkpoint, seen: Seen) -> bool:
    try:
        roots = consistency_roots(seen.size, checkpoint.size, seen.root, submission.proof)
    except TreeError:
        return False
    return roots == (seen.root, checkpoint.root)
