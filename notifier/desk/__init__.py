"""What responders and integrators see over HTTP: the API, the live feed, the page."""
