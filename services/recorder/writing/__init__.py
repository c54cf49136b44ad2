"""Where records go in: queued by tenant, sealed, committed in groups, acknowledged after the commit."""
