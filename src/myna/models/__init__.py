"""Pure torch nets, sized by the records in `myna.core.versions`; they read no files but their own weights."""
