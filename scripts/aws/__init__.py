"""Access to AWS: credentials, ECR, uploads, cost confirmation, and the SDK's local mode."""
