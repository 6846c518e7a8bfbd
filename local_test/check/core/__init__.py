"""What every check is made of: points, scenarios, their run and the report; nothing about SageMaker."""
