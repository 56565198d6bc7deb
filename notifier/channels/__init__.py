"""One way to reach a person a module. A channel sends once; retries and recording live in delivery."""
