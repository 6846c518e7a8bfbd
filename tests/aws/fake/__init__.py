"""Strict fakes of what moto lacks: they keep the states that AWS documents, and refuse what AWS refuses."""
