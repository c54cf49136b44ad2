"""The fast checks behind ``make check``: each is a command or a function; all run, all failures are shown."""
