"""The figures behind the dashboards of each role. Reads only: no table of its own."""
