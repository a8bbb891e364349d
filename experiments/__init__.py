"""The paper's experiments, each rerun by one command, with the published figures beside ours."""
