"""The report of a check: its data, its formats for programs and pages, its lines for a terminal."""
