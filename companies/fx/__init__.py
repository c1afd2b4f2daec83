"""Exchange rates of the platform, in public: no business data, one table for all institutions."""
