"""The vendors' wire formats: pure translation between our values and their JSON, one file a format."""
