"""The parts of the prediction service that know nothing of its web framework."""
