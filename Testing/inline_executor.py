"""Rounds without a thread, for tests."""


class InlineExecutor:
    """Runs a job before ``submit`` returns."""

    def submit(self, job):
        job()

    def shutdown(self, timeout):
        return True
