"""What Baton knows about leads: pure functions and values, no AWS, no clock, no environment."""
