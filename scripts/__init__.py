"""What runs on the user's side of an endpoint; sees HTTP and files, not the package in the image."""
