"""What looks after the logs: erasure, retention, samples, obligations, notices of keys and alarms."""
