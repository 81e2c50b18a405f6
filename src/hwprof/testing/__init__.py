"""Kits that prove an implementation behind a seam; shipped, so that others can use them."""
