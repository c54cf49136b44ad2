"""Decide who may enter through the edge, when Envoy asks.

It never sees what a message says, and it never opens the door on doubt.
"""
