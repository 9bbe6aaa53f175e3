"""Histories as releases recorded them. A later one folds them to the same end, with the same hashes."""
