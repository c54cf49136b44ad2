"""The fast checks behind ``make check``: each is one command or one function; all run, and all failures are shown."""
