"""What runs inside the Job, and the contract with the outside. Standard library only, Python 3.10 or newer."""
