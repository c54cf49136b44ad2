"""Context: decides what a model needs to know for one question, within a token budget and with provenance.

It is also the one home of the embedding model. It never asks a model, never judges an answer, and never treats
retrieved text as anything but data.
"""
