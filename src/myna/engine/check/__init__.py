"""What a person would look for in a data set before training, and a page that shows it."""
