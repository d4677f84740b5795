"""What tests and examples need in place of the real thing."""
