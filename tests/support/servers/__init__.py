"""Real servers of our own for the tests: each on a free port of the loopback, with data that survive a restart."""
