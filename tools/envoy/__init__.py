"""Envoy's configuration, derived from the topology: what each proxy listens on, checks and refuses.

``plan`` turns the topology and a few settings into a typed model, ``render`` turns the model into plain data with one
file per feature, and ``write`` writes it once. Who may call whom and for how long is the topology's matter.
"""

from tools.envoy.bootstrap import render
from tools.envoy.drain import drain
from tools.envoy.model import Mesh
from tools.envoy.plan import edge_mesh, local_mesh, sidecar_mesh
from tools.envoy.process import command
from tools.envoy.settings import Door, PlanError, Settings
from tools.envoy.validate import ConfigError, check, validate
from tools.envoy.write import to_yaml, write

__all__ = [
    "ConfigError",
    "Door",
    "Mesh",
    "PlanError",
    "Settings",
    "check",
    "command",
    "drain",
    "edge_mesh",
    "local_mesh",
    "render",
    "sidecar_mesh",
    "to_yaml",
    "validate",
    "write",
]
