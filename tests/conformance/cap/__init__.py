"""Messages of the Common Alerting Protocol against a folder of reference messages."""
