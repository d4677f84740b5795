"""REST doors: one app that speaks every dialect, each in a file of its own."""
