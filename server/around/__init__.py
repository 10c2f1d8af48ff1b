"""What surrounds every request: its id, its log line, its count, its limits, the headers of its
answer."""
