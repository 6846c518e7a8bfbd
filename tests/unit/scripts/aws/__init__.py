"""What the commands ask of AWS, and what they refuse before they ask."""
