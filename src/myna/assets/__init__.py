"""Files that ship with the package: read through `myna.core.assets`, never by path."""
