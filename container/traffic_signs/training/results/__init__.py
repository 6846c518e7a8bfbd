"""What a job leaves: calibrated and exported model, figures, plots, report."""
