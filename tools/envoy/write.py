"""The one place where a configuration becomes a file."""

from pathlib import Path

import yaml

from tools.certs.publish import write_private
from tools.envoy.typed import Config


class _NoAnchors(yaml.CSafeDumper):
    """Repeats equal parts instead of pointing at them: a reader of one route should not have to search for another."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  the signature is PyYAML's
        return True


def to_yaml(config: Config) -> str:
    """Return ``config`` as YAML in the order in which it was built."""
    return yaml.dump(config, Dumper=_NoAnchors, sort_keys=False, width=120)


def write(config: Config, path: Path) -> None:
    """Write ``config`` to ``path`` in one step, readable by the owner only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(path, to_yaml(config).encode())
