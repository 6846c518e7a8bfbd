"""Search for hyperparameters: one search space for SageMaker's tuning jobs and for this machine."""
