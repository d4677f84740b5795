"""Japanese: Open JTalk's dictionary and rules to phones with pitch marks."""
