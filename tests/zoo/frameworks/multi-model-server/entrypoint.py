"""Starts the model server, as the toolkit's README says."""

from sagemaker_inference import model_server

model_server.start_model_server(handler_service="/usr/local/bin/handler.py:handle")
