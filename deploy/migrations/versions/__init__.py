"""One file for each version of the schema, written by hand and never changed once it was released."""
