"""Diagnosis of failed jobs and endpoints: evidence (descriptions, logs) against a table of known causes."""
