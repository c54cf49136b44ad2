"""Decides which provider and model answer, with which prompt, within which price, and accounts for every try.

It never speaks to a vendor itself, never hedges itself (Envoy does, in the order given here), never lets a caller
without the right role choose a model, and never answers for a spend that it could not write down.
"""
