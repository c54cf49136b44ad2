"""The tools of the mesh: what builds, configures, starts, checks and measures it. Services never import them."""
