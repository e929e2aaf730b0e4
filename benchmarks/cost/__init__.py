"""What the warehouse costs on Athena: statements, bytes and dollars per model and run, held to a budget."""
