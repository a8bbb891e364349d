"""The paper's experiments and ours, declared in one table and rerun by ``ichhpinet reproduce NAME``."""
