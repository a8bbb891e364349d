"""Loading, checking and converting network weights."""
