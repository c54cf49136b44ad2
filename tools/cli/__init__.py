"""The command line `magistrate`: thin commands over the local stack and the public API."""
