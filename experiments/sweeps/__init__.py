"""Sweeps: one YAML, many cases, one table; any interruption resumes."""
