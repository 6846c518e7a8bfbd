"""Images that are unusual and right, written from AWS's documents and the RFCs, not from the check."""
