"""What builds, checks and runs the mesh; no service imports it."""
