"""pyzmq beyond what the contract suite asks of every library."""
