"""Words every room shares: errors, settings, workspace, versions, assets, progress, speech."""
