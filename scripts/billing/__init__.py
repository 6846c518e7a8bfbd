"""What runs and bills in the account: list, prices, use, expiry."""
