"""Measurements behind the promises on speed. They print and judge nothing: machines differ, ratios tell."""
