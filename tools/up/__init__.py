"""The local stack: every part of the mesh on one machine, real, supervised, without a container engine.

It decides the order of starting and stopping, keeps the parts alive, and owns the state folder (ports, secrets,
certificates, data). It never answers a request itself.
"""
