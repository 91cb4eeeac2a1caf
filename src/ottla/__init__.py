"""Ottla: Kafka, whole, in one pip install. Start reading in docs/architecture.md."""
