"""What SageMaker is asked to make: training jobs, transform jobs, endpoints, their scaling."""
