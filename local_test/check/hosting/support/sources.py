"""Documents that the points of hosting come from: pages of AWS's developer guide with their sections, API models."""

GUIDE = 'developer guide, "Custom Inference Code with Hosting Services"'
RUNS = f"{GUIDE}, How SageMaker AI Runs Your Inference Image"
LOADS = f"{GUIDE}, How SageMaker AI Loads Your Model Artifacts"
RESPONDS = f"{GUIDE}, How Your Container Should Respond to Inference Requests"
PING = f"{GUIDE}, How Your Container Should Respond to Health Check (Ping) Requests"
RUNTIME = "API, InvokeEndpoint"
FAQ = 'developer guide, "Model Hosting FAQs"'
