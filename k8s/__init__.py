"""The Kubernetes Backend: a Task becomes a Job, a Job becomes an Outcome."""
