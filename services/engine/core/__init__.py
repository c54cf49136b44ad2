"""The pure part of the engine: what a question may be, how time is split, what is released."""
