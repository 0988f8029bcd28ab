"""The questions of the page: each is asked of the parts of a time in SQL, and answered as `contract` says."""
