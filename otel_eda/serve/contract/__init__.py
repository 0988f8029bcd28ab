"""What the API answers, as JSON: times are seconds since 1970, durations seconds, rates a number in a second.

A text in an answer is data, whatever it looks like: names, keys and errors are what applications said.
"""
