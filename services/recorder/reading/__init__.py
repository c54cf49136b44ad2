"""Where records come out: found, proven, covered by a signed checkpoint, exported."""
