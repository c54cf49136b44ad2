"""The whole mesh for end-to-end tests: a real stack in a temporary state folder, run as a user would run it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from tools.certs import Tokens
from tools.certs.identity import OPERATOR
from tools.up import state
from tools.up.control import down, purge
from tools.up.folder import Folder
from tools.up.state import PartRecord, ProcessRecord, StackRecord

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0
"""For whatever must happen; a loaded machine may be slow, a test that waits this long has failed."""
_POLL_S = 0.05
_KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OLLAMA_HOST", "MAGISTRATE_STATE")
"""Of the developer's own environment; a test must not depend on them, let alone spend money with them."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack and what tests do with it: call it, look at it, hurt it."""

    root: Path

    @property
    def folder(self) -> Folder:
        """Return the state folder."""
        return Folder(root=self.root)

    @property
    def record(self) -> StackRecord:
        """Return what ``stack.json`` says now."""
        return state.read(self.folder)

    def part(self, name: str) -> PartRecord:
        """Return what is recorded about one part."""
        return self.record.parts[name]

    def process(self, name: str) -> ProcessRecord:
        """Return the recorded process of one part."""
        process = self.part(name).process
        if process is None:
            raise LookupError(f"{name} has no process: {self.part(name).phase}")
        return process

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run ``magistrate`` with this state folder; return its output and exit code."""
        return magistrate(*arguments, "--state", str(self.root), env=env)

    def up(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Start the stack in the background."""
        try:
            return self.run("up", "--detach", *arguments, env=env)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"the stack does not come up:\n{self._last_words()}") from error

    def _last_words(self) -> str:
        """Return the phase of every part, and the last that each which is not ready has logged."""
        parts = self.record.parts
        logs = {name: self.folder.log(name) for name, part in parts.items() if part.phase is not state.Phase.READY}
        said = [f"{name}: {path.read_text()[-1500:]}" for name, path in logs.items() if path.exists()]
        return "\n".join([*(f"{name} is {part.phase}" for name, part in parts.items()), *said])

    def start_and_interrupt(
        self, *arguments: str, after: str, number: signal.Signals
    ) -> subprocess.CompletedProcess[str]:
        """Start in the foreground and signal the supervisor as soon as the part ``after`` is ready."""
        command = [sys.executable, "-m", "tools.cli.main", "up", "--json", *arguments, "--state", str(self.root)]
        with subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                event = json.loads(line)
                if (event["kind"], event.get("part")) == ("ready", after):
                    process.send_signal(number)
                    break
            output, _ = process.communicate(timeout=PATIENCE_S)
        return subprocess.CompletedProcess(command, process.returncode, output, "")

    def send(self, name: str, number: signal.Signals = signal.SIGKILL) -> ProcessRecord:
        """Signal the process of one part, and nothing else; return what it was."""
        process = self.process(name)
        assert process.alive, f"{name} does not run"
        os.kill(process.pid, number)
        return process

    def kill_supervisor(self) -> ProcessRecord:
        """Kill the supervisor as the kernel does when memory is short; what it started goes on."""
        supervisor = self.record.supervisor
        assert supervisor is not None
        os.kill(supervisor.pid, signal.SIGKILL)
        self.until(lambda: not supervisor.alive, "the supervisor to be gone")
        return supervisor

    def await_replaced(self, name: str, before: ProcessRecord) -> ProcessRecord:
        """Wait until another process serves in the place of ``before``; return it."""

        def replaced() -> bool:
            part = self.part(name)
            return part.phase is state.Phase.READY and part.process is not None and part.process.pid != before.pid

        self.until(replaced, f"{name} to be started again")
        return self.process(name)

    def until(self, happened: Callable[[], bool], what: str) -> None:
        """Wait until ``happened``; ``what`` names it where it does not."""
        give_up_at = time.monotonic() + PATIENCE_S
        while not happened():
            assert time.monotonic() < give_up_at, f"waited in vain for {what}:\n{self._last_words()}"
            time.sleep(_POLL_S)

    def credentials(self) -> grpc.ChannelCredentials:
        """Return the operator's TLS credentials."""
        home = self.root / "certs" / OPERATOR
        return grpc.ssl_channel_credentials(
            root_certificates=(home / "ca.crt").read_bytes(),
            private_key=(home / "tls.key").read_bytes(),
            certificate_chain=(home / "tls.crt").read_bytes(),
        )

    def token(self, *roles: str, subject: str = "tester", tenant: str = "default", ttl_s: int = 600) -> str:
        """Return a bearer token as the stack's own issuer makes it; admin unless told."""
        return Tokens(self.root).mint(subject, tenant, roles or ("admin",), ttl_s)

    def metadata(self, *roles: str) -> tuple[tuple[str, str], ...]:
        """Return the call metadata that carries a fresh token."""
        return (("authorization", f"Bearer {self.token(*roles)}"),)

    def channel(self) -> grpc.aio.Channel:
        """Return a channel to the edge; give each call ``metadata`` and a timeout."""
        return grpc.aio.secure_channel(self.record.edge, self.credentials(), options=[("grpc.enable_http_proxy", 0)])


def magistrate(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line as its own process."""
    return subprocess.run(
        [sys.executable, "-m", "tools.cli.main", *arguments],
        cwd=ROOT,
        env=environment() | dict(env or {}),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def environment() -> dict[str, str]:
    """Return this process's environment without what would change a stack, and with the way to our packages."""
    kept = {name: value for name, value in os.environ.items() if name not in _KEYS}
    return kept | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "gen" / "python")))}


@contextmanager
def state_folder(name: str = "mg") -> Iterator[Stack]:
    """Yield a stack that is not started; afterwards nothing of it runs and nothing is left on the disk."""
    stack = Stack(Path(tempfile.mkdtemp(prefix=name)))
    try:
        yield stack
    finally:
        down(stack.folder)
        purge(stack.folder)


@contextmanager
def running(*arguments: str, env: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Yield a serving stack of its own; ``arguments`` are those of ``magistrate up``."""
    with state_folder() as stack:
        started = stack.up(*arguments, env=env)
        assert started.returncode == 0, started.stdout + started.stderr
        yield stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Yield one full stack for all tests of a session: real stores, real model, real Envoy, the sample pack."""
    with running() as one:
        yield one
