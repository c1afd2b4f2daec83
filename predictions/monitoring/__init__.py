"""How the model does after its release: drift week by week, and realised defaults against PDs."""
