"""Starts the critic: config, seats, servicer, serve."""

from magistrate.critic.v1.critic_pb2_grpc import add_CriticServiceServicer_to_server
from services.chassis.clock import SystemClock
from services.chassis.config import load
from services.chassis.runtime import Registration, open_runtime
from services.critic.adapters.rules import RuleDetector
from services.critic.config import Config
from services.critic.core.critics import MANDATES
from services.critic.panel import Panel, Seat
from services.critic.servicer import CriticServicer


async def main(name: str) -> None:
    """Serve the critic as the mesh service ``name`` until a signal asks to stop."""
    config = load(Config)
    seats = [Seat(mandate=mandate, detectors=(RuleDetector(mandate),)) for mandate in MANDATES.values()]
    async with open_runtime(name) as mesh:
        servicer = CriticServicer(panel=Panel(seats, SystemClock(), budget_s=config.budget_s), clock=SystemClock())
        await mesh.serve(
            [Registration(add_CriticServiceServicer_to_server, servicer, "magistrate.critic.v1.CriticService")]
        )
