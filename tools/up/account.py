"""Whom PostgreSQL runs as: it refuses root, so root lends it an unprivileged account of the machine."""

import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.up.failures import StackError

CANDIDATES = ("postgres", "nobody")
"""Accounts that may run PostgreSQL when the caller is root, in order of preference."""
_BECOME = """\
import os, sys
user, group, *argv = sys.argv[1:]
os.setgroups([])
os.setgid(int(group))
os.setuid(int(user))
os.execv(argv[0], argv)
"""
SHARED_ROOT = Path("/var/lib/magistrate")
"""Where root keeps what an unprivileged account must reach but cannot, for example below a private home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of this machine."""

    name: str
    uid: int
    gid: int

    def command(self, *argv: str) -> tuple[str, ...]:
        """Return the command line that runs ``argv``, its program by a whole path, as this account alone.

        The arguments of :mod:`subprocess` for this make Python fork, where it otherwise starts a process at once. In a
        process that speaks gRPC a forked child crashes or hangs now and then before it comes to its program.
        """
        return (sys.executable, "-I", "-S", "-c", _BECOME, str(self.uid), str(self.gid), *argv)

    def may(self, test: str, path: Path) -> bool:
        """Ask the system itself whether this account passes ``test`` (as of test(1): -x, -r) on ``path``."""
        command = ["/usr/bin/test" if Path("/usr/bin/test").exists() else "/bin/test", test, str(path)]
        return subprocess.run(self.command(*command), check=False, cwd="/").returncode == 0


def unprivileged() -> Account | None:
    """Return the account for PostgreSQL; None when the caller is not root and runs it itself.

    Raises:
        StackError: The caller is root and the machine has none of the accounts.
    """
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise StackError(
        "PostgreSQL does not run as root and this machine has no unprivileged account for it",
        hint=f"add one of {', '.join(CANDIDATES)} (`useradd --system postgres`), or run as another user",
    )


def owned_folder(path: Path, account: Account | None) -> Path:
    """Create a private folder that belongs to ``account``; return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account:
        os.chown(path, account.uid, account.gid)
    path.chmod(0o700)
    return path


def let_through(path: Path, account: Account | None) -> None:
    """Let the group of ``account`` pass through ``path`` without seeing what is in it."""
    if account:
        os.chown(path, -1, account.gid)
        path.chmod(0o710)


def reachable_copy(source: Path, destination: Path) -> Path:
    """Copy a tree to where every account can read it, once; return the copy."""
    if destination.exists():
        return destination
    draft = destination.with_name(f".{destination.name}.{os.getpid()}")
    shutil.copytree(source, draft, symlinks=True)
    for folder in (destination.parent, draft):
        folder.chmod(0o755)
    try:
        draft.replace(destination)
    except OSError:
        # Another start was faster; its copy is as good.
        shutil.rmtree(draft)
    return destination
