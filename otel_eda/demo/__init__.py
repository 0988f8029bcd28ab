"""The demo: three services, a broker and 200 orders on this machine, what they export, and what is found in it."""
