"""The contract of the critic over its core: proto to values and back, nothing decided."""

from services.critic.servicer.critic import CriticServicer

__all__ = ["CriticServicer"]
