"""Write the generated pages of ``docs/reference``: errors, methods, configuration, and which test proves which row."""
