"""Champion and challengers: how scores become standings, and when the champion changes (docs/routing/champion.md)."""
