"""From alerts to somebody who answers: cases, escalation, channels, the desk."""
