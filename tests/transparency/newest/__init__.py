"""The clients' own tests as they are in their repositories, at the newest release, run with us and without.

`make suites` runs them; `make test` does not, since it needs GitHub and a long time.
"""
