"""Request streams on a living device, from YAML."""
