"""How the rooms are put together and run. Imports all, imported by none."""
