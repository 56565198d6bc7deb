"""One module per ecosystem: a pure function of topic, payload and flags to readings or a reason."""
