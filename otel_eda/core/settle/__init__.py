"""The operation *settle*: commits, acknowledgements, rejections."""
