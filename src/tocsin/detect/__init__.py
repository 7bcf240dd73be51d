"""Detection: tail probabilities calibrated on the past, and a budget of false alarms that holds."""
