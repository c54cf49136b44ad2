"""The tiles above the leaves, held against the signed root from the top down."""

from tools.verify.archive import layout
from tools.verify.archive.folder import Damage, DamageError, Folder
from tools.verify.archive.records import bundles, first_difference, read_bundle
from tools.verify.archive.tree import Tree, leaf_hash, subtree


def check_upper(folder: Folder, tree: Tree, root: bytes, exported: range) -> None:
    """Return if every tile at the edge of the tree and above its leaves leads to the signed root.

    Args:
        folder: The files.
        tree: Their tree.
        root: What was signed.
        exported: The indexes whose records, and so whose tiles of leaves, are in the folder.

    Raises:
        DamageError: MISSING; FORM; TILE, RECORD or ROOT, as far as the other files tell with the first bad index.
    """
    if tree.root() != root:
        raise _edge_damage(folder, tree, exported)
    for level, number in tree.upper():
        full = tree.width(level, number) == layout.WIDTH
        if full and subtree(tree.tile(level, number)) != tree.parent(level, number):
            index = _first_bad(tree, level, number, exported)
            name, index = tree.name(level, number), number << 8 * (level + 1) if index is None else index
            problem = f"{name} leads to another hash than the tile above it holds"
            raise DamageError(Damage.TILE, problem, file=name, index=index)


def _edge_damage(folder: Folder, tree: Tree, exported: range) -> DamageError:
    """Return which of the unfinished tiles, which together make the root, disagrees with what is below it."""
    for level in reversed(tree.levels()):
        number, width = divmod(tree.size >> 8 * level, layout.WIDTH)
        if not width:
            continue
        index = _first_bad(tree, level, number, exported) if level else _first_bad_leaf(folder, tree, number, exported)
        if index is not None:
            name = tree.name(level, number)
            return DamageError(Damage.TILE, f"{name} was altered at record {index}", file=name, index=index)
    problem = "records and tiles agree with each other, and lead to another root than the signed one"
    return DamageError(Damage.ROOT, problem, file=layout.CHECKPOINT)


def _first_bad(tree: Tree, level: int, number: int, exported: range) -> int | None:
    """Return the first index below a hash of a tile that is not the root of its full tile below, where that is here."""
    for at, held in enumerate(tree.tile(level, number)):
        child = number * layout.WIDTH + at
        here = level > 1 or child in bundles(exported.start, exported.stop)
        if here and subtree(tree.tile(level - 1, child)) != held:
            return child << 8 * level
    return None


def _first_bad_leaf(folder: Folder, tree: Tree, number: int, exported: range) -> int | None:
    """Return the first index whose record is here and does not have the leaf that the unfinished tile holds."""
    if number not in bundles(exported.start, exported.stop):
        return None
    leaves, hashes = [leaf_hash(record) for record in read_bundle(folder, tree, number)], tree.tile(0, number)
    return None if leaves == hashes else number * layout.WIDTH + first_difference(leaves, hashes)
