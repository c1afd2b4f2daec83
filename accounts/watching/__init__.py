"""Unusual log-ins: devices that an account has not been used from before."""
