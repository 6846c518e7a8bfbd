"""What the benchmark of serving found: its figures, tables, plot, and targets met or not."""
