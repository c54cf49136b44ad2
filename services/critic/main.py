"""Starts the critic: config, seats, servicer, serve."""

from magistrate.critic.v1.critic_pb2_grpc import add_CriticServiceServicer_to_server
from services.chassis.clock import SystemClock
from services.chassis.config import load
from services.chassis.runtime import Registration, open_runtime
from services.critic.adapters.rules import RuleDetector
from services.critic.config import Config
from services.critic.core.critics import EDITIONS
from services.critic.editions import Editions
from services.critic.panel import Panel, Seat
from services.critic.servicer import CriticServicer


async def main(name: str) -> None:
    """Serve the critic as the mesh service ``name`` until a signal asks to stop."""
    config = load(Config)
    seats = [Seat(mandate=mandate, detectors=(RuleDetector(mandate),)) for mandate in EDITIONS]
    editions = Editions(seats, in_force=config.versions)
    async with open_runtime(name) as mesh:
        panel = Panel(editions.in_force, SystemClock(), budget_s=config.budget_s)
        servicer = CriticServicer(panel=panel, editions=editions, clock=SystemClock())
        await mesh.serve(
            [Registration(add_CriticServiceServicer_to_server, servicer, "magistrate.critic.v1.CriticService")]
        )
