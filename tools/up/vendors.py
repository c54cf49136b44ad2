"""Which model vendors a stack serves: the local model, and those that the caller's environment has a key for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.topology import VENDORS
from tools.certs.publish import write_private
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.options import Options

LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One enabled model vendor."""

    name: str
    url: str | None = None
    """Its base URL; None for the adapter's own default."""
    key_file: Path | None = None
    model: str | None = None
    """The model it is asked for by default; None for the adapter's own default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variables:
    """The environment variables that enable a vendor and place it."""

    enables: str
    url: str
    has_key: bool = True


_VARIABLES = {
    "anthropic": _Variables(enables="ANTHROPIC_API_KEY", url="ANTHROPIC_BASE_URL"),
    "openai": _Variables(enables="OPENAI_API_KEY", url="OPENAI_BASE_URL"),
    "ollama": _Variables(enables="OLLAMA_HOST", url="OLLAMA_HOST", has_key=False),
}


def enabled_vendors(options: Options, local: Vendor) -> tuple[Vendor, ...]:
    """Return the vendors of this stack in the default order of preference; the local model is always among them.

    A key of the caller's environment is put into a private file: no process gets it as a value.

    Args:
        options: Which vendors are placed elsewhere, and the caller's environment.
        local: The model server of this stack.

    Raises:
        StackError: A URL is given for a vendor that has no adapter.
    """
    if unknown := sorted(set(options.vendor_urls) - set(VENDORS)):
        raise StackError(f"no adapter for vendor {unknown[0]!r}", hint=f"one of: {', '.join(VENDORS)}")
    return tuple(_vendors(options, local))


def _vendors(options: Options, local: Vendor) -> Iterator[Vendor]:
    for name in VENDORS:
        placed = options.vendor_urls.get(name)
        if name == LOCAL:
            yield local if placed is None else Vendor(name=LOCAL, url=placed, key_file=local.key_file)
        elif placed or options.environment.get(_VARIABLES[name].enables):
            yield _remote(name, placed, options)


def _remote(name: str, placed: str | None, options: Options) -> Vendor:
    variables = _VARIABLES[name]
    url = placed or options.environment.get(variables.url) or None
    if not variables.has_key:
        return Vendor(name=name, url=url if url is None or "://" in url else f"http://{url}")
    return Vendor(name=name, url=url, key_file=_key_file(options.folder, name, options.environment))


def _key_file(folder: Folder, vendor: str, environment: Mapping[str, str]) -> Path:
    """Keep the vendor's key in a private file; a vendor that was placed without one gets a made-up key."""
    name = f"provider-{vendor}-key"
    if key := environment.get(_VARIABLES[vendor].enables):
        write_private(folder.secrets / name, key.encode())
    return folder.secret(name)
