"""`claude-sandbox local`: one run on this machine, in containers as on a cluster, or as a bare process."""
