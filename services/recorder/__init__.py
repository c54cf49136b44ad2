"""The recorder keeps evidence that no crash loses and nobody alters unseen.

It decides nothing about a decision. It never acknowledges a record before PostgreSQL has committed it, never changes or
removes one, and never signs a tree that it has not re-derived from the stored records.
"""
