"""What a repository needs: its language and the services beside it, read from a few of its files."""
