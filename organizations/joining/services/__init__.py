"""Writes to the ways into an organization: links, codes, whitelist, invitations, and coming in by them."""
