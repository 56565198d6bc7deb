"""One rule a module: parameters, state, step. No clock, no logging, no awaits."""
