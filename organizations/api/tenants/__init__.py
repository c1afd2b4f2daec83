"""Endpoints over institutions: the directory of all for super admins, their own for tenant admins."""
