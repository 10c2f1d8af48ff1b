"""Development mode: the page that shows every mail. Never reachable from elsewhere."""
