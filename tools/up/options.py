"""What a stack is asked to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.model import Tier

DEFAULT_STATE = Path(".magistrate")


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
    witness: bool = False
    """Whether a witness on this machine must have seen evidence before it counts."""

    @property
    def folder(self) -> Folder:
        """Return the state folder as an absolute place.

        Raises:
            StackError: Something else than a folder stands there.
        """
        root = self.state.expanduser().absolute()
        if root.exists() and not root.is_dir():
            raise StackError(f"{root} is no folder", hint="`--state DIR` names the folder of a stack")
        return Folder(root=root)
