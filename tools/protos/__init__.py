"""Generate the Python stubs from the contract, and check that they are fresh."""
