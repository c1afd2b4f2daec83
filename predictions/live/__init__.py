"""Progress of jobs as people follow it: measured, published, and streamed by a process of its own."""
