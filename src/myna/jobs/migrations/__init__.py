"""How the job store's tables came to be, for alembic."""
