"""What every service needs and no service is: server, channel, deadlines, errors, telemetry, health.

It decides nothing about inference and imports no service; what a service decides reaches it as an argument.
"""
