"""Update of an endpoint: what it runs, what changes, how traffic shifts, which alarms send it back."""
