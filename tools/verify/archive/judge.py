"""Judge an exported folder: is it the log that this key signed, and all of what it says it is?"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tools.verify.archive import checkpoints, layout, records
from tools.verify.archive.content import Contents
from tools.verify.archive.folder import Damage as Damaged
from tools.verify.archive.folder import DamageError, Facts, Folder, Found
from tools.verify.archive.sums import check_sums
from tools.verify.archive.tree import Tree
from tools.verify.archive.upper import check_upper
from tools.verify.note import SignedTree, Verifier


def verify_archive(root: Path, keys: str, *, kept: Sequence[str] = (), policy: str | None = None) -> Found:
    """Return whether everything in the folder ``root`` follows from what one of the ``keys`` signed.

    Args:
        root: The exported folder.
        keys: Verifier keys, one on each line; those that the reader trusts, not those of the folder.
        kept: Signed checkpoints of the same log that the reader has from earlier.
        policy: The witnesses that must have seen the newest checkpoint (C2SP tlog-policy); None asks for none.

    Never raises for what the folder or the keys contain: whatever is wrong is the verdict's damage.
    """
    folder = Folder(root)
    try:
        verifiers = checkpoints.keys_of(keys)
        signed = checkpoints.checked(folder.text(layout.CHECKPOINT), verifiers, name=layout.CHECKPOINT)
        seen = checkpoints.witnesses(folder, keys, policy)
        return replace(_judged(folder, signed, verifiers, kept), witnesses=seen)
    except DamageError as error:
        return Found(damage=error.damage, explanation=error.explanation, file=error.file, index=error.index)


def _judged(folder: Folder, signed: SignedTree, verifiers: Sequence[Verifier], kept: Sequence[str]) -> Found:
    facts = folder.facts()
    if (facts.origin, facts.tree_size) != (signed.origin, signed.size):
        problem = (
            f"{layout.FACTS} speaks of {facts.tree_size} records of {facts.origin}, the checkpoint of {signed.size}"
        )
        raise DamageError(Damaged.FORM, f"{problem} of {signed.origin}", file=layout.FACTS)
    tree = Tree(folder, signed.size)
    _check_upper(folder, tree, facts, signed, verifiers)
    contents = _walk(folder, tree, facts)
    earlier = checkpoints.check_earlier(folder, tree, signed.origin, verifiers, kept)
    check_sums(folder)
    return Found(
        damage=None,
        explanation=_told(facts, earlier),
        origin=facts.origin,
        tree_size=facts.tree_size,
        start=facts.start,
        stop=facts.stop,
        earlier=earlier,
        content={state: count for state, count in sorted(contents.states.items()) if count},
    )


def _check_upper(folder: Folder, tree: Tree, facts: Facts, signed: SignedTree, verifiers: Sequence[Verifier]) -> None:
    try:
        check_upper(folder, tree, signed.root, range(facts.start, facts.stop))
    except DamageError as error:
        if error.damage is not Damaged.ROOT:
            raise
        good = checkpoints.last_good_size(folder, tree, signed.origin, verifiers)
        explanation = f"{error.explanation}; records up to {good - 1} are still those of an earlier checkpoint"
        raise DamageError(
            error.damage, explanation if good else error.explanation, file=error.file, index=good
        ) from error


def _walk(folder: Folder, tree: Tree, facts: Facts) -> Contents:
    contents = Contents(folder, facts)
    for number in records.bundles(facts.start, facts.stop):
        for index, record in enumerate(records.checked(folder, tree, number), start=number * layout.WIDTH):
            if facts.start <= index < facts.stop:
                contents.check(index, record)
            else:
                contents.remember(index, record)
    contents.finish()
    return contents


def _told(facts: Facts, earlier: int) -> str:
    log = f"the {facts.tree_size} of {facts.origin}"
    agreed = f"and {earlier} earlier checkpoints agree with it"
    if facts.start == facts.stop:
        return f"none of {log} is here; their tree is the one that the key signed, {agreed}"
    whole = (facts.start, facts.stop) == (0, facts.tree_size)
    part = "all records" if whole else f"records {facts.start} to {facts.stop - 1}"
    return f"{part} of {log} are those of the tree that the key signed, {agreed}"
