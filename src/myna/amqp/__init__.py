"""The queue service: start messages come out of RabbitMQ and become jobs, what becomes of them goes back."""
