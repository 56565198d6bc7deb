"""From the outside into the log. Nothing is judged here."""
