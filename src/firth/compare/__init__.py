"""Models beside each other under one protocol."""
