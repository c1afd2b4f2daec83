"""What leaves the platform as a file: every list by one mechanism, and a company's own file."""
