"""The rest of the mesh and the database, as the pipeline's ports."""
