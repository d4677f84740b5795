"""Taking noise out of recordings: engines behind one protocol, in one table (`table`)."""
