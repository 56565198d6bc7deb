"""What `make bench` prints: the road from a press to the first attempt, beside the same road without any logic."""
