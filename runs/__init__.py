"""What a Run is, wherever it runs: Run, Outcome, the Backend protocol, the local and the fake Backend, records."""
