"""What can be done: a step is the record of its parameters, and its `run` enters the engine."""
