"""Assessment: region by domain, from findings and events to likelihood, impact and level."""
