"""SageMaker's Model Registry: versions of a model, their figures, and who may deploy them."""
