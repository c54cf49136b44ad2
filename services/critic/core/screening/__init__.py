"""Screening of one text before anything else reads it: injection, secrets, personal data, noise."""

from services.critic.core.screening.screen import SCREEN_VERSION, screen
from services.critic.core.screening.verdict import Action, Level, ScreenFinding, Verdict

__all__ = ["SCREEN_VERSION", "Action", "Level", "ScreenFinding", "Verdict", "screen"]
