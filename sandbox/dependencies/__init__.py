"""The dependencies of the project: recognised by their lockfiles, installed or taken from a cache."""
