"""From labelled clips to what training reads: phones, content, voiceprints, semantic tokens."""
