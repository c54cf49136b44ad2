"""Replace a set of files in one step, so that a reader sees all old ones or all new ones."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

_CURRENT = "..data"


def publish(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make ``files`` the whole content of ``folder``, readable by the owner only.

    The layout is the one of a Kubernetes secret volume: each visible name links into ``..data``, itself a link to a
    versioned folder, and one rename of that link switches all names at once. Envoy watches for exactly this rename.
    """
    private_folder(folder)
    previous = (folder / _CURRENT).resolve() if (folder / _CURRENT).is_symlink() else None
    version = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    try:
        for name, content in files.items():
            write_private(version / name, content)
    except OSError:
        shutil.rmtree(version, ignore_errors=True)
        raise
    _link(folder / _CURRENT, version.name)
    for name in files:
        if not (folder / name).is_symlink():
            _link(folder / name, f"{_CURRENT}/{name}")
    for path in folder.iterdir():
        if not path.name.startswith("..") and path.name not in files:
            path.unlink()
    if previous is not None:
        shutil.rmtree(previous, ignore_errors=True)


def private_folder(folder: Path) -> None:
    """Make ``folder`` and what leads to it; only the owner may enter ``folder``."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)


def write_private(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` in one step; only the owner may read it, from the first byte on."""
    descriptor, draft = tempfile.mkstemp(prefix="..", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(draft).replace(path)
    except OSError:
        Path(draft).unlink(missing_ok=True)
        raise


def _link(path: Path, target: str) -> None:
    draft = path.with_name(f"{path.name}..new")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(path)
