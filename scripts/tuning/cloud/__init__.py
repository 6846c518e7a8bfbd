"""Search by a hyperparameter tuning job on SageMaker."""
