"""Images that are unusual but compliant, written from AWS's documents and the RFCs, not from the check."""
