"""Results of a training job: calibration, export, metrics, plots, report."""
