"""A read-only process beside the recorder that serves the logs' static tiles over HTTP, as C2SP tlog-tiles says."""
