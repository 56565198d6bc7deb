"""What a device says and which devices there are: dialects, registry, simulator."""
