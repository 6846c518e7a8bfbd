"""An AWS account: credentials, registry, uploads, costs, and the SDK's local mode in its place."""
