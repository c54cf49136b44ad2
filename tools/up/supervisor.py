"""The one process that owns a running stack: starts it, keeps it alive and its credentials fresh, stops it."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from tools.certs import Pki, Tokens
from tools.certs.publish import write_private
from tools.certs.tokens import TOKEN_LIFETIME_S
from tools.up import state
from tools.up.crew import Crew
from tools.up.events import Event, Kind, Report
from tools.up.failures import StackError
from tools.up.ledger import Ledger
from tools.up.options import Options
from tools.up.stack import assemble

OPERATOR_SUBJECT = "operator@localhost"
OPERATOR_TENANT = "default"
_LOOK_S = 5.0
"""How often the age of the credentials is looked at, by the clock on the wall: a laptop may have slept."""
_INTERRUPTED = 128 + signal.SIGINT
_STOPS_IT = "Ctrl-C or `magistrate down` stops it."

Serving = Callable[[], Awaitable[None]]
"""What to do once everything is ready, for example one first decision."""


class Supervisor:
    """Runs one stack in this process until it is told to stop."""

    def __init__(self, options: Options, report: Report) -> None:
        self._options = options
        self._folder = options.folder
        self._report = report
        self._stopping = False
        self.served = False
        """Whether everything was ready at some time."""
        self._crew: Crew | None = None
        self._token_due = 0.0

    async def run(self, serving: Serving | None = None) -> None:
        """Start everything, serve until SIGTERM or Ctrl-C, stop everything. A second signal kills at once.

        Raises:
            StackError: A part did not start, or another supervisor holds the state folder. Nothing is left running.
        """
        self._folder.create()
        with state.lock(self._folder):
            self._obey_signals()
            ledger = self._take_over()
            try:
                await self._serve(ledger, serving)
            except asyncio.CancelledError:
                if not self._stopping:
                    raise
            finally:
                state.remove_socket_folder(self._folder, ledger.record)
                ledger.close()

    def _take_over(self) -> Ledger:
        """End what a killed supervisor left behind, and start from its record."""
        record = state.read(self._folder)
        for name in state.end_leftovers(record):
            self._report(Event(kind=Kind.NOTE, part=name, text="left over from a killed supervisor; ended"))
        state.remove_socket_folder(self._folder, record)
        return Ledger(self._folder, record)

    async def _serve(self, ledger: Ledger, serving: Serving | None) -> None:
        began = time.monotonic()
        self._renew_credentials()
        crew = self._crew = Crew(assemble(self._options, ledger), self._folder, ledger, self._report)
        ledger.open(crew.plan())
        try:
            async with asyncio.TaskGroup() as keepers:
                await crew.start(keepers)
                ledger.change(ready=True)
                self.served = True
                seconds = time.monotonic() - began
                self._report(Event(kind=Kind.SERVING, text=ledger.record.edge, hint=_STOPS_IT, seconds=seconds))
                keepers.create_task(self._keep_fresh(ledger))
                if serving:
                    await serving()
        except BaseExceptionGroup as failures:
            if (first := _first(failures)) is None:
                raise
            raise first from failures
        finally:
            await self._stop(crew)

    async def _stop(self, crew: Crew) -> None:
        began = time.monotonic()
        await asyncio.shield(crew.stop())
        self._report(Event(kind=Kind.STOPPED, seconds=time.monotonic() - began))

    def _obey_signals(self) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def stop() -> None:
            if self._stopping and self._crew:
                self._crew.kill()
            elif task:
                self._stopping = True
                task.cancel()

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, stop)

    def _renew_credentials(self) -> None:
        Pki(self._folder.root).create()
        Tokens(self._folder.root).create()
        self._renew_token()

    def _renew_token(self) -> None:
        token = Tokens(self._folder.root).mint(OPERATOR_SUBJECT, OPERATOR_TENANT, ["admin"])
        write_private(self._folder.token, token.encode())
        self._token_due = time.time() + TOKEN_LIFETIME_S / 2

    async def _keep_fresh(self, ledger: Ledger) -> None:
        """Replace the operator's token and every leaf at half of their lives; Envoy reads them while it serves."""
        pki = Pki(self._folder.root)
        while True:
            if time.time() >= self._token_due:
                await self._renewed("token", self._renew_token)
            if datetime.now(UTC) >= pki.next_rotation():
                await self._renewed("certificates", pki.rotate)
            ledger.catch_up()
            await asyncio.sleep(_LOOK_S)

    async def _renewed(self, what: str, renew: Callable[[], None]) -> None:
        """Renew; a disk that is full for now stops neither the stack nor the next try."""
        try:
            await asyncio.to_thread(renew)
            text = "renewed"
        except OSError as error:
            text = f"not renewed: {error}"
        self._report(Event(kind=Kind.NOTE, part=what, text=text))


def _first(failures: BaseExceptionGroup[BaseException]) -> StackError | None:
    """Return the failure of the stack that happened first; the others are its echo. None where there is no such one."""
    for failure in failures.exceptions:
        found = _first(failure) if isinstance(failure, BaseExceptionGroup) else failure
        if isinstance(found, StackError):
            return found
    return None


def run(options: Options, report: Report, serving: Serving | None = None) -> None:
    """Run a stack in this process until it is stopped; see `Supervisor.run`.

    Raises:
        SystemExit: 130, as after any Ctrl-C, where it was stopped before it served.
    """
    supervisor = Supervisor(options, report)
    asyncio.run(supervisor.run(serving))
    if not supervisor.served:
        raise SystemExit(_INTERRUPTED)
