"""What a stack is asked to be: the caller's wishes and the vendor keys of the caller's environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.topology import VENDORS
from tools.certs.publish import write_private
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.model import Tier

DEFAULT_STATE = Path(".magistrate")
LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The wishes of one ``magistrate up``."""

    state: Path = DEFAULT_STATE
    model: Tier = Tier.SMOLLM
    edge_port: int | None = None
    vendor_urls: Mapping[str, str] = field(default_factory=dict)
    """Base URLs by vendor that replace the vendor's own; naming one enables the vendor."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The caller's environment."""
    sample: bool = True
    """Whether a fresh state gets the sample knowledge pack."""

    @property
    def folder(self) -> Folder:
        """Return the state folder as an absolute place."""
        return Folder(root=self.state.expanduser().absolute())


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One enabled model vendor."""

    name: str
    url: str | None
    """Its base URL; None for the adapter's own default."""
    key_file: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """The environment variables that enable a vendor and place it."""

    key: str = ""
    url: str = ""


_SOURCES = {
    "anthropic": _Source(key="ANTHROPIC_API_KEY", url="ANTHROPIC_BASE_URL"),
    "openai": _Source(key="OPENAI_API_KEY", url="OPENAI_BASE_URL"),
    "ollama": _Source(url="OLLAMA_HOST"),
}


def enabled_vendors(options: Options, *, model_url: str, model_key: Path) -> tuple[Vendor, ...]:
    """Return the vendors of this stack in the default order of preference; the local model is always among them.

    A key of the caller's environment is put into a private file: no process gets it as a value.

    Raises:
        StackError: A URL is given for a vendor that has no adapter.
    """
    if unknown := sorted(set(options.vendor_urls) - set(VENDORS)):
        raise StackError(f"no adapter for vendor {unknown[0]}", hint=f"one of: {', '.join(VENDORS)}")
    local = Vendor(name=LOCAL, url=options.vendor_urls.get(LOCAL, model_url), key_file=model_key)
    others = (_from_environment(vendor, options) for vendor in VENDORS if vendor != LOCAL)
    found = {vendor.name: vendor for vendor in (local, *others) if vendor}
    return tuple(found[name] for name in VENDORS if name in found)


def _from_environment(name: str, options: Options) -> Vendor | None:
    source, environment = _SOURCES[name], options.environment
    key = environment.get(source.key, "") if source.key else ""
    url = options.vendor_urls.get(name) or environment.get(source.url) or None
    if not (key or name in options.vendor_urls or (url and not source.key)):
        return None
    if not source.key:
        return Vendor(name=name, url=_with_scheme(url), key_file=None)
    return Vendor(name=name, url=url, key_file=_key_file(options.folder, name, key))


def _key_file(folder: Folder, vendor: str, key: str) -> Path:
    """Write the vendor's key; a vendor that was placed without one gets a made-up key."""
    name = f"provider-{vendor}-key"
    if key:
        write_private(folder.secrets / name, key.encode())
    return folder.secret(name)


def _with_scheme(url: str | None) -> str | None:
    """Complete what OLLAMA_HOST allows: an address without a scheme."""
    return url if url is None or "://" in url else f"http://{url}"
