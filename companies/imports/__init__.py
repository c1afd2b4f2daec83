"""Files of companies and statements: mapped, looked at, tried dry, and taken in by a job."""
