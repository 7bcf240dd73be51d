"""Operations: every state change is a command, every view a query; time and settings enter here."""
