"""What `init` puts on a cluster, `doctor` looks at and `uninstall` takes away."""
