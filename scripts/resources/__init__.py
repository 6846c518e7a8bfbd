"""SageMaker resources: training jobs, transform jobs, endpoints and their autoscaling."""
