"""The endpoint that runs a model's own code: model_fn, input_fn, predict_fn, output_fn, transform_fn."""
