"""What every app stands on: scope, doors between tenants, errors, audit, jobs, the API's base classes."""
