"""The words that two rooms share, the step, the ports and their adapters, the worker. Imports none of our other rooms."""
