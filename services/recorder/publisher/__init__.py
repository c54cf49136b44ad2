"""Signs checkpoints, in a process of its own: it alone holds the signing key, and it holds no key of any content."""
