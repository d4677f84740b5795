"""The training service (``/api/v1/task…``): a task is a voice folder, its steps are jobs."""
