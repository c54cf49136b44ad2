"""The hedged route to the providers, the ledger, the counters, and the files that the room reads at its start."""
