"""The one Envoy process of a local stack: every sidecar's listeners and the edge."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx

from tools.envoy import ConfigError, Door, PlanError, Settings, command, drain, local_mesh, render, validate, write
from tools.up import page
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.part import Part
from tools.up.ports import LOOPBACK
from tools.up.processes import Command
from tools.up.vendors import Vendor

NAME = "envoy"
_DRAIN_LIMIT_S = 5.0
_COMPLAINT_LINES = 15


class Envoy(Part):
    """The proxy process; draining services still call each other through it."""

    name = NAME
    hint = "`magistrate logs envoy` shows the line of the configuration that it refuses"

    def __init__(
        self,
        *,
        folder: Folder,
        run_dir: Path,
        ports: Mapping[str, int],
        jwks: Path,
        vendors: tuple[Vendor, ...],
    ) -> None:
        self.address = f"{LOOPBACK}:{ports['edge']}"
        self._folder = folder
        self._admin = run_dir / "envoy-admin.sock"
        self._config = folder.data(NAME) / "envoy.yaml"
        self._settings = Settings(
            run_dir=run_dir,
            certs_dir=folder.root / "certs",
            providers=tuple(vendor.name for vendor in vendors),
        )
        self._door = Door(jwks_file=jwks, port=ports["edge"])
        self._ports = ports
        self._configured = False

    def command(self) -> Command:
        """Return the proxy's command line."""
        return Command(argv=tuple(command(self._config)))

    async def prepare(self) -> None:
        """Write the configuration, and have it checked before the first process is started with it.

        Raises:
            StackError: The configuration cannot work, or Envoy is not installed.
        """
        self._admin.unlink(missing_ok=True)
        if self._configured:
            return
        try:
            await asyncio.to_thread(self._configure)
        except (PlanError, ConfigError) as error:
            raise _refused(str(error)) from error
        except FileNotFoundError as error:
            raise StackError(str(error), hint="pip install 'magistrate[local]'") from error
        self._configured = True

    def _configure(self) -> None:
        write(render(local_mesh(self._settings, self._door, self._ports)), self._config)
        validate(self._config)

    async def ready(self) -> bool:
        """Ask its admin socket."""
        return await page.answers("http://envoy/ready", socket=self._admin)

    async def drain(self) -> None:
        """Send callers away and wait for the calls in flight; what takes longer is the services' own drain to end."""
        with suppress(httpx.HTTPError):
            await drain(self._admin, limit_s=_DRAIN_LIMIT_S)


def _refused(complaint: str) -> StackError:
    """Return the failure of a configuration; the machine's own limit is no fault of it."""
    lines = complaint.splitlines()
    if "inotify" in complaint:
        return StackError(
            "Envoy cannot watch its certificates: this machine's limit of inotify instances is used up",
            hint="stop another stack, or raise the limit: sysctl fs.inotify.max_user_instances=1024",
        )
    return StackError(f"Envoy's configuration cannot work: {lines[0]}", log=tuple(lines[1:_COMPLAINT_LINES]))
