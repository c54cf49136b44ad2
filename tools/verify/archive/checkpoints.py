"""Signed checkpoints of the exported log: the newest, those in the folder, and those that the reader has kept."""

from collections.abc import Sequence
from contextlib import suppress

from tools.verify import tlog_proof
from tools.verify.archive import layout
from tools.verify.archive.folder import Damage, DamageError, Folder
from tools.verify.archive.tree import Tree
from tools.verify.note import SignedTree, Verifier, is_signed, read_checkpoint, read_keys
from tools.verify.witnessed import UnseenError, witnesses_of


def keys_of(text: str) -> list[Verifier]:
    """Return the keys of a verifier key file.

    Raises:
        DamageError: KEY.
    """
    try:
        return read_keys(text)
    except ValueError as error:
        raise DamageError(Damage.KEY, f"the verifier key cannot be read: {error}") from error


def checked(note: str, keys: Sequence[Verifier], *, name: str) -> SignedTree:
    """Return what a checkpoint says, if one of the keys has signed it.

    Raises:
        DamageError: FORM; SIGNATURE.
    """
    try:
        tree = read_checkpoint(note)
    except ValueError as error:
        raise DamageError(Damage.FORM, f"{name} is not a checkpoint: {error}", file=name) from error
    if not any(is_signed(note, key) for key in keys):
        signers = ", ".join(sorted({key.name for key in keys}))
        raise DamageError(Damage.SIGNATURE, f"{name} is not signed by the key {signers}", file=name)
    return tree


def witnesses(folder: Folder, keys: str, policy: str | None) -> Sequence[str]:
    """Return which witnesses of a policy (C2SP tlog-policy; None asks for none) have seen the newest checkpoint.

    Raises:
        DamageError: FORM; KEY, the policy cannot be read; WITNESS, too few have, or nothing shows that they have.
    """
    if policy is None:
        return ()
    try:
        seen = tlog_proof.read(folder.text(layout.WITNESSED)) if folder.has(layout.WITNESSED) else {}
    except ValueError as error:
        raise DamageError(Damage.FORM, f"{layout.WITNESSED}: {error}", file=layout.WITNESSED) from error
    try:
        return sorted(witnesses_of(folder.text(layout.CHECKPOINT), seen, keys, policy))
    except ValueError as error:
        raise DamageError(Damage.KEY, str(error)) from error
    except UnseenError as error:
        raise DamageError(Damage.WITNESS, str(error), file=layout.WITNESSED) from error


def check_earlier(folder: Folder, tree: Tree, origin: str, keys: Sequence[Verifier], kept: Sequence[str]) -> int:
    """Return how many earlier checkpoints the tree agrees with, those of the folder and the reader's own (``kept``).

    Raises:
        DamageError: FORM; SIGNATURE; HISTORY, one of them is of another tree; MISSING, the tiles of its size are not
            in the folder.
    """
    named = {name: folder.text(name) for name in folder.earlier()}
    own = {f"the checkpoint that you kept ({at})": note for at, note in enumerate(kept, start=1)}
    for name, note in (named | own).items():
        earlier = checked(note, keys, name=name)
        if name in named and name != layout.earlier_path(earlier.size):
            raise DamageError(Damage.FORM, f"{name} is the checkpoint of size {earlier.size}", file=name)
        _check_history(tree, origin, earlier, name)
    return len(named) + len(own)


def last_good_size(folder: Folder, tree: Tree, origin: str, keys: Sequence[Verifier]) -> int:
    """Return the largest earlier size whose signed checkpoint the tree agrees with: what was altered stands behind."""
    good = 0
    for name in folder.earlier():
        with suppress(DamageError):
            earlier = checked(folder.text(name), keys, name=name)
            _check_history(tree, origin, earlier, name)
            good = max(good, earlier.size)
    return good


def _check_history(tree: Tree, origin: str, earlier: SignedTree, name: str) -> None:
    if earlier.origin != origin:
        raise DamageError(Damage.HISTORY, f"{name} is of the log {earlier.origin}", file=name)
    if earlier.size > tree.size:
        problem = f"the log ends at {tree.size} records, and {name} signed {earlier.size}: its end was cut off"
        raise DamageError(Damage.HISTORY, problem, file=name, index=tree.size)
    if tree.root(earlier.size) != earlier.root:
        problem = f"{name} signed another tree of {earlier.size} records: the log was rewritten since"
        raise DamageError(Damage.HISTORY, problem, file=name)
