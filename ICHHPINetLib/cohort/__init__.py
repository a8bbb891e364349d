"""Whole registries of CTs, and evaluations, spread over the workers of Dask."""
