"""Questions with a number for an answer. Each says its load, machine and versions, and what it checked."""
