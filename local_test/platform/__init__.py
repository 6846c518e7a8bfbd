"""SageMaker's part, played on this machine: what it writes, starts, grants, watches and stops."""
