"""The services of the mesh: the implementation of the contract in ``magistrate.*``."""
