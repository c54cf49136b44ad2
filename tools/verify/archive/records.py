"""The exported records, bundle by bundle, each held against the tree."""

from collections.abc import Sequence

from tools.verify.archive import layout
from tools.verify.archive.folder import Damage, DamageError, Folder
from tools.verify.archive.tree import Tree, leaf_hash, subtree


def bundles(start: int, stop: int) -> range:
    """Return the numbers of the bundles that hold records from ``start`` to before ``stop``."""
    return range(start // layout.WIDTH, -(-stop // layout.WIDTH) if stop > start else 0)


def read_bundle(folder: Folder, tree: Tree, number: int) -> list[bytes]:
    """Return the records of a bundle.

    Raises:
        DamageError: MISSING; FORM, it ends within a record or has not as many as its tile.
    """
    name, first = layout.bundle_path(number, tree.width(0, number)), number * layout.WIDTH
    raw, at, records = folder.read(name, index=first), 0, list[bytes]()
    while at < len(raw):
        begins = at + layout.LENGTH_BYTES
        at = begins + int.from_bytes(raw[at:begins], "big")
        if at > len(raw):
            index = first + len(records)
            raise DamageError(Damage.FORM, f"{name} ends within record {index}", file=name, index=index)
        records.append(raw[begins:at])
    if len(records) != tree.width(0, number):
        index = first + min(len(records), tree.width(0, number))
        problem = f"{name} has {len(records)} records, not {tree.width(0, number)}"
        raise DamageError(Damage.FORM, problem, file=name, index=index)
    return records


def checked(folder: Folder, tree: Tree, number: int) -> list[bytes]:
    """Return the records of a bundle, whose tiles above have been found to lead to the signed root.

    Raises:
        DamageError: MISSING; FORM; RECORD or TILE with the first bad index.
    """
    records, hashes = read_bundle(folder, tree, number), tree.tile(0, number)
    leaves = [leaf_hash(record) for record in records]
    holds = len(hashes) < layout.WIDTH or subtree(hashes) == tree.parent(0, number)
    if holds and leaves == hashes:
        return records
    index = number * layout.WIDTH + first_difference(leaves, hashes)
    name, bundle = tree.name(0, number), layout.bundle_path(number, len(hashes))
    if holds:
        raise DamageError(Damage.RECORD, f"record {index} was altered", file=bundle, index=index)
    if leaves != hashes and subtree(leaves) == tree.parent(0, number):
        problem = f"{name} was altered at record {index}; the record itself is the one that was logged"
        raise DamageError(Damage.TILE, problem, file=name, index=index)
    problem = f"record {index} or one behind it was altered, and {name} with it"
    raise DamageError(Damage.RECORD, problem, file=bundle, index=index)


def first_difference(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """Return where two lists of equal length first differ; 0 where they do not."""
    return next((at for at, (left, right) in enumerate(zip(one, other, strict=True)) if left != right), 0)
